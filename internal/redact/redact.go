// Package redact keeps the secrets of URLs out of names, logs and errors. It is
// the only place that parses a URL a user typed, and the only one that cuts one
// down to what may be shown.
package redact

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// ErrURL is what every error of [ParseURL] wraps. They quote nothing of the
// input: the error of [url.Parse] quotes all of it, and even the error that one
// wraps may quote the password.
var ErrURL = errors.New("not a valid URL")

var errUserInfo = fmt.Errorf("%w (special characters in a user name or password must be percent-encoded, such as %%40 for @)", ErrURL)

// mask stands for what is not shown.
const mask = "…"

// ParseURL is [url.Parse] for a URL that may carry a password. Its error wraps
// [ErrURL].
//
// An unescaped "/", "?", "#" or "@" cuts a password and leaves the rest of it
// in a field that looks harmless, as in postgres://user:12/34@host/db. Such a
// URL shows by an "@" behind its authority, which only the schemes of
// [atInPath] have a use for; in a fragment it must always be escaped.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil && !strings.Contains(raw, "@") {
		return nil, ErrURL
	}
	if err != nil {
		return nil, errUserInfo
	}
	beforeFragment, fragment, _ := strings.Cut(raw, "#")
	_, rest, _ := strings.Cut(beforeFragment, "://")
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	switch {
	case strings.Contains(fragment, "@"),
		strings.Count(authority, "@") > 1,
		strings.Contains(path, "@") && !atInPath(u.Scheme),
		!validHosts(u.Host):
		return nil, errUserInfo
	}
	return u, nil
}

// validHosts reports whether each host of a list (libpq has several) is a name
// or an address with at most one port; url.Parse
// takes "user::12345" and "user:" for one.
func validHosts(list string) bool {
	for host := range strings.SplitSeq(list, ",") {
		_, port, v6 := strings.Cut(host, "]")
		if !v6 {
			port = host
		}
		if strings.Count(port, ":") > 1 || strings.HasSuffix(port, ":") {
			return false
		}
	}
	return true
}

// atInPath reports whether an "@" is an ordinary character in the path and the
// query of a scheme: a revision (hf), a digest (oci), part of a name (http).
func atInPath(scheme string) bool {
	return slices.Contains([]string{"http", "https", "hf", "oci", "s3", "gs"}, scheme)
}

// URL returns what may be shown of u: scheme, host, path, and of the query
// the keys of [harmless] with their values. User, password, other query keys
// and the fragment are cut.
func URL(u *url.URL) string {
	if u.Opaque != "" {
		return u.Scheme + ":" + mask
	}
	return u.Scheme + "://" + hostAndPath(u) + query(u)
}

// hostAndPath returns the host and the path of u. What stands before an "@" in
// the path or the query may be the rest of a password that a "/" or "?" cut; it
// is masked then, and the port with it, which may be its beginning.
func hostAndPath(u *url.URL) string {
	before, at := u.EscapedPath(), "" // at is the last "@" and what follows it
	if i := strings.LastIndex(before, "@"); i >= 0 {
		before, at = before[:i], before[i:]
	}
	plain := u.User == nil && !strings.HasPrefix(u.Scheme, "http") && !strings.Contains(before, ":")
	switch {
	case u.Port() != "" && (at != "" || strings.Contains(u.RawQuery, "@")):
		return u.Hostname() + ":" + mask + at
	case at == "" || plain:
		return u.Host + before + at
	default:
		return u.Host + "/" + mask + at
	}
}

// query returns the query of u with its harmless pairs, in their order, and a
// mask for the others.
func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	var shown []string
	hidden := false
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if harmless(key) && !strings.Contains(pair, "@") {
			shown = append(shown, pair)
		} else {
			hidden = true
		}
	}
	if hidden {
		shown = append(shown, mask)
	}
	return "?" + strings.Join(shown, "&")
}

// harmless reports whether the value of a query key is never a secret.
func harmless(key string) bool {
	return slices.Contains([]string{
		"application_name", "connect_timeout", "db", "dbname", "host", "port",
		"sslmode", "sslnegotiation", "target_session_attrs",
	}, key)
}

// Word returns s if it looks like the name of an option, which may be
// shown, and "" otherwise: what stands where an option is expected may be the
// rest of a password.
func Word(s string) string {
	if len(s) == 0 || len(s) > 32 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-_") != "" {
		return ""
	}
	return s
}

// Quoted returns ` "word"` for a message, or "" where [Word] has none.
func Quoted(s string) string {
	if Word(s) == "" {
		return ""
	}
	return ` "` + s + `"`
}

// Line returns s without what would end a line or steer a terminal.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
