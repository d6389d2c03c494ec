// Package credentials reads passwords and headers from files, and compares origins: a
// credential is sent to the origin that it is meant for and to no other.
package credentials

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
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

// ReadHeaders reads "Name: value" lines. Its errors do not quote them.
func ReadHeaders(name string) (http.Header, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usererr.File("header file", name, err)
	}
	text := append(bytes.TrimSpace(b), "\r\n\r\n"...)
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		return nil, &usererr.Error{Text: fmt.Sprintf("header file %q has a line that is not \"Name: value\"", name)}
	}
	return http.Header(header), nil
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
