package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

var errNotMemcached = errors.New("the answer is none of memcached")

// memcachedOptions are those of memcached.
type memcachedOptions struct{ passwordFile string }

func (o *memcachedOptions) keys() []target.Key {
	return []target.Key{target.PasswordFile(&o.passwordFile)}
}

func (o *memcachedOptions) level(s *spec) Level { return s.loginLevel(o.passwordFile) }

func (o *memcachedOptions) open(s *spec) (Prober, error) {
	if strings.Trim(s.url.Path, "/") != "" {
		return nil, errors.New("want memcached://host:port, without a path")
	}
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	user := s.url.User.Username()
	switch {
	case s.level == LevelTCP || s.url.Hostname() == "":
		return openPort(s)
	case s.level == LevelAuth && user == "":
		return nil, errors.New("a login needs a user, as in memcached://user@host")
	case strings.ContainsAny(user, " \r\n"):
		return nil, errors.New("the user has a space or a line break, which the protocol cannot send")
	}
	return &memcached{spec: s, user: user, password: s.password(o.passwordFile)}, nil
}

// memcached speaks the text protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
type memcached struct {
	spec     *spec
	user     string
	password credentials.Password
}

func (p *memcached) Probe(ctx context.Context) error {
	c, err := p.spec.dialer.DialContext(ctx, "tcp", p.spec.url.Host)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	conn := newLineConn(c)
	answer, err := conn.ask("version\r\n")
	if err != nil {
		return err
	}
	wantsLogin := answer == "CLIENT_ERROR unauthenticated"
	switch {
	case p.spec.level < LevelAuth && wantsLogin:
		return nil
	case p.spec.level < LevelAuth:
		return memcachedVersion(answer)
	case !wantsLogin:
		if err := memcachedVersion(answer); err != nil {
			return err
		}
		return Rejected(&usererr.Error{
			Text: "the server asks for no password",
			Hint: "remove the user from the URL, or start the server with --auth-file: most clients fail with the URL as it is",
		})
	}
	return p.login(conn)
}

// login sends user and password as the value of any key, which a server without a login would store: see the caller.
func (p *memcached) login(c *lineConn) error {
	password, err := p.password.Read()
	if err != nil {
		return err
	}
	token := p.user + " " + password
	answer, err := c.ask(fmt.Sprintf("set inith 0 0 %d\r\n%s\r\n", len(token), token))
	switch {
	case err != nil:
		return err
	case answer != "STORED":
		return Rejected(&usererr.Error{Text: "user or password refused", Hint: "check that the server's --auth-file has both"})
	}
	answer, err = c.ask("version\r\n")
	if err != nil {
		return err
	}
	return memcachedVersion(answer)
}

// memcachedVersion judges the answer to a request for the version.
func memcachedVersion(answer string) error {
	switch word, _, _ := strings.Cut(answer, " "); {
	case word == "VERSION":
		return nil
	case strings.HasPrefix(answer, "ERROR Too many open connections"):
		return &usererr.Error{Text: "no connection left (--conn-limit)"}
	case word == "SERVER_ERROR":
		return &usererr.Error{Text: "answered SERVER_ERROR"}
	}
	return errNotMemcached
}

// A lineConn asks a server whose answers are short lines.
type lineConn struct {
	net.Conn
	reader *bufio.Reader
}

func newLineConn(c net.Conn) *lineConn {
	const longestLine = 1 << 10
	return &lineConn{Conn: c, reader: bufio.NewReaderSize(c, longestLine)}
}

// ask returns the first line of the answer, without its end.
func (c *lineConn) ask(request string) (string, error) {
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	line, err := c.reader.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}
