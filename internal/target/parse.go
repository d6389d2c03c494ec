package target

import (
	"errors"
	"net/url"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/redact"
)

// Parse reads a URL. What people write in the place of one has an error of its own.
func Parse(raw string) (*url.URL, error) {
	if err := CheckText(raw); err != nil {
		return nil, err
	}
	return redact.ParseURL(socketInQuery(raw))
}

// reference is what a shell, compose or Kubernetes replaces by the value of an environment variable.
var reference = lazyregexp.New(`\$\{[A-Za-z_][^}]*\}|\$\([A-Z_][A-Z0-9_]*\)|(^|[@/])\$[({A-Za-z_]`)

// CheckText returns an error for what people write in the place of a URL. It does not quote it.
func CheckText(raw string) error {
	text, _, _ := strings.Cut(raw, "#") // a fragment may have patterns with a "$"
	before, _, isURL := strings.Cut(text, "://")
	switch {
	case len(raw) > 1 && strings.ContainsAny(raw[:1], `"'`):
		return errors.New("the URL begins with a quote: remove the quotes, which only a shell needs")
	case strings.Contains(text, "$") && reference().MatchString(text):
		return errors.New("the URL has a variable that was not expanded: only a shell expands ${NAME}, and Kubernetes $(NAME) only " +
			"if NAME is defined earlier in the container's env; in a password, write $ as %24")
	case strings.Contains(raw, "@tcp(") || strings.Contains(raw, "@unix("):
		return errors.New("a DSN of Go's MySQL driver is not a URL: write it as mysql://user@host:3306/db")
	case isURL && strings.Contains(text, "%%"):
		return errors.New("the URL has %%, as alembic.ini and systemd want it: write % as %25")
	case !isURL && strings.Contains(text, "="), isURL && strings.Contains(before, "="):
		return errors.New("a list of key=value is not a URL: write it as in postgres://user@host:5432/db")
	}
	return nil
}

// socketInQuery moves the directory of a Unix socket, which libpq reads percent-encoded in the place of the host, to the
// query, since a host cannot have a slash.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
func socketInQuery(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user, host := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, host = authority[:i+1], authority[i+1:]
	}
	if !strings.HasPrefix(strings.ToUpper(host), "%2F") {
		return raw
	}
	directory, port, hasPort := strings.Cut(host, ":")
	query := "host=" + directory
	if hasPort {
		query += "&port=" + port
	}
	tail, fragment, hasFragment := strings.Cut(tail, "#")
	if path, more, found := strings.Cut(tail, "?"); found {
		tail = path + "?" + query + "&" + more
	} else {
		tail += "?" + query
	}
	if hasFragment {
		tail += "#" + fragment
	}
	return scheme + "://" + user + tail
}
