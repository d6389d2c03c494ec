// Package credentials reads passwords and headers from files, and compares origins: a
// credential is sent to the origin that it is meant for and to no other.
package credentials

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/inith/inith/internal/usererr"
)

// ReadSecret returns the content of a file, without the line end that editors add.
// In errors, what names the file, such as "password file".
func ReadSecret(what, name string) (string, error) {
	secret, _, err := readSecret(what, name)
	return secret, err
}

// readSecret also reports whether there was a line end.
func readSecret(what, name string) (secret string, trimmed bool, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return "", false, usererr.File(what, name, err)
	}
	secret = strings.TrimRight(string(b), "\r\n")
	return secret, len(secret) < len(b), nil
}

// ErrFormat is wrapped by the error for a file that exists, and has another content than
// it must have: to wait for another one is of no use.
var ErrFormat = errors.New("malformed")

// ReadToken returns the token in a file, without white space around it. One with a line
// break in it is refused: it would end the header that it is sent in.
func ReadToken(what, name string) (string, error) {
	s, err := ReadSecret(what, name)
	s = strings.TrimSpace(s)
	switch {
	case err != nil:
		return "", err
	case !IsHeaderValue(s):
		return "", &usererr.Error{
			Text: fmt.Sprintf("%s %q has a line break or another control character in the token", what, name),
			Hint: "write the token on one line", Err: ErrFormat,
		}
	default:
		return s, nil
	}
}

// ReadHeaders reads "Name: value" lines. Its errors do not quote them.
func ReadHeaders(name string) (http.Header, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usererr.File("header file", name, err)
	}
	header := http.Header{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if len(key) == len(line) || !IsHeaderName(key) || !IsHeaderValue(value) {
			return nil, &usererr.Error{
				Text: fmt.Sprintf("header file %q has a line that is not \"Name: value\"", name),
				Hint: "write each header on one line", Err: ErrFormat,
			}
		}
		header.Add(key, value)
	}
	return header, nil
}

// IsHeaderName reports whether s is a token (RFC 9110, section 5.6.2).
func IsHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// IsHeaderValue reports whether s has no control characters (RFC 9110, section 5.5).
func IsHeaderValue(s string) bool {
	const space, del = ' ', 0x7f
	for i := range len(s) {
		if (s[i] < space && s[i] != '\t') || s[i] == del {
			return false
		}
	}
	return true
}

// Origin returns scheme, host and port of u (RFC 6454).
func Origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

// A Password is in a URL or in a file, which wins.
type Password struct {
	URL  *url.URL
	File string // "" if there is none

	// Trimmed is called when the file ends with a newline, which the password that Read returns does not have: others may
	// not remove it. nil: not called.
	Trimmed func(file string)
}

// WarnTrimmed returns what logs, once, that the newline at the end of a password file was removed. The logger may be nil.
func WarnTrimmed(log *slog.Logger) func(file string) {
	var once sync.Once
	return func(file string) {
		if log != nil {
			once.Do(func() {
				log.Warn("the password file ends with a newline, which inith does not send: check that the application removes it too", "file", file)
			})
		}
	}
}

// Read returns the password, "" if there is none. It reads the file at each call,
// since that is mounted and rotated while inith runs.
func (p Password) Read() (string, error) {
	if p.File == "" {
		password, _ := p.URL.User.Password()
		return password, nil
	}
	password, trimmed, err := readSecret("password file", p.File)
	if trimmed && p.Trimmed != nil {
		p.Trimmed(p.File)
	}
	return password, err
}

// Given reports whether there is a password, whatever it is.
func (p Password) Given() bool {
	_, inURL := p.URL.User.Password()
	return inURL || p.File != ""
}
