// Package credentials reads passwords and headers from files, and compares origins: a
// credential is sent to the origin that it is meant for and to no other.
package credentials

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"

	"github.com/inith/inith/internal/usererr"
)

// ReadSecret returns the content of a file, without the line end that editors add.
// In errors, what names the file, such as "password file".
func ReadSecret(what, name string) (string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return "", usererr.File(what, name, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
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
}

// Read returns the password, "" if there is none. It reads the file at each call,
// since that is mounted and rotated while inith runs.
func (p Password) Read() (string, error) {
	if p.File != "" {
		return ReadSecret("password file", p.File)
	}
	password, _ := p.URL.User.Password()
	return password, nil
}

// Given reports whether there is a password, whatever it is.
func (p Password) Given() bool {
	_, inURL := p.URL.User.Password()
	return inURL || p.File != ""
}
