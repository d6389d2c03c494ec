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

var errShape = fmt.Errorf("%w (a port must be a number, and %% be followed by two hexadecimal digits)", ErrURL)

var errUserInfo = fmt.Errorf("%w (a port must be a number, and special characters in a user name or password must be percent-encoded, such as %%40 for @)", ErrURL)

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
		return nil, errShape
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
// query of a scheme: a revision (hf), a digest (oci), part of a name (http, file).
func atInPath(scheme string) bool {
	return slices.Contains([]string{"http", "https", "hf", "oci", "s3", "gs", "az", "file"}, scheme)
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
	case u.User == nil && u.Scheme == "oci" && beginsWithDigest(at):
		return u.Host + before + at
	case u.Port() != "" && (at != "" || strings.Contains(u.RawQuery, "@")):
		return u.Hostname() + ":" + mask + at
	case at == "" || plain:
		return u.Host + before + at
	default:
		return u.Host + "/" + mask + at
	}
}

// beginsWithDigest reports whether s begins with the digest of an image, as in @sha256:9f86…/model.bin. Such a text cannot be
// the host behind a password, whose port has a few decimal digits.
func beginsWithDigest(s string) bool {
	digest, _, _ := strings.Cut(s, "/")
	for name, length := range map[string]int{"@sha256:": 64, "@sha512:": 128} {
		if value, ok := strings.CutPrefix(digest, name); ok {
			return len(value) == length && strings.Trim(value, digits+"abcdef") == ""
		}
	}
	return false
}

// query returns the query of u with the pairs that [harmless] allows, in their
// order, and a mask for the others.
func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	var shown []string
	hidden := false
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if harmless(key, value) {
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

// harmless reports whether a query key never has a secret for its value, and the
// value has the shape of this key. Another shape may be two keys with a separator
// that is none here, as in application_name=x;password=X.
func harmless(key, value string) bool {
	value, err := url.QueryUnescape(value)
	return err == nil && slices.ContainsFunc(shapes(), func(s shape) bool { return s.key == key && s.fits(value) })
}

// A shape is what the value of a query key looks like.
type shape struct {
	key  string
	fits func(value string) bool
}

func shapes() []shape {
	return []shape{
		{"application_name", isName},
		{"connect_timeout", isNumber},
		{"db", isName},
		{"dbname", isName},
		{"endpoint", isHosts},
		{"generation", isNumber},
		{"host", isHosts},
		{"plain-http", isOneOf("true", "false")},
		{"platform", isPlatform},
		{"port", isPorts},
		{"region", isName},
		{"selector", isLabels},
		{"sslmode", isOneOf("disable", "allow", "prefer", "require", "verify-ca", "verify-full")},
		{"sslnegotiation", isOneOf("postgres", "direct")},
		{"versionId", isName},
		{"target_session_attrs", isOneOf("any", "read-write", "read-only", "primary", "standby", "prefer-standby")},
	}
}

const (
	digits    = "0123456789"
	nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + digits + "._-"
)

// consists reports whether all of s, of which there is at most a line, is of bytes.
func consists(s, bytes string) bool { return len(s) <= 253 && strings.Trim(s, bytes) == "" }

func isName(s string) bool   { return consists(s, nameBytes) }
func isNumber(s string) bool { return len(s) <= 10 && consists(s, digits) }
func isPorts(s string) bool  { return consists(s, digits+",") }

// isLabels is for the label selectors of Kubernetes, such as app=x,tier in (a,b).
func isLabels(s string) bool { return consists(s, nameBytes+"/=,!() ") }

// isPlatform is for those of images, such as linux/arm64/v8.
func isPlatform(s string) bool {
	const longest = 32
	return len(s) <= longest && consists(s, nameBytes+"/")
}

// isHosts also takes the directories of Unix sockets.
func isHosts(s string) bool { return consists(s, nameBytes+",:/") }

func isOneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
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

// Line returns s without what would end a line, steer a terminal or reorder what
// follows.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// Name returns what a server calls a host or a user, or a mask if it has not the
// form of such a name: the server may repeat a secret that it was sent.
func Name(s string) string {
	if s == "" || !consists(s, nameBytes+":*") {
		return mask
	}
	return s
}
