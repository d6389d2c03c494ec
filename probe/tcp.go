package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// defaultSettle is how long an accepted connection must stay open: a proxy
// without a backend accepts and closes at once.
const defaultSettle = 100 * time.Millisecond

// tcpOptions are those of tcp://host:port, which has none of its own.
type tcpOptions struct{}

func (tcpOptions) keys() []target.Key { return nil }

func (tcpOptions) level(*spec) Level { return LevelTCP }

func (tcpOptions) open(s *spec) (Prober, error) {
	if s.url.Path != "" || s.url.RawQuery != "" || s.url.User != nil {
		return nil, errors.New("want tcp://host:port, without user, path or query")
	}
	return openPort(s)
}

// unixOptions are those of unix:///path/to/socket, which has none of its own.
type unixOptions struct{}

func (unixOptions) keys() []target.Key { return nil }

func (unixOptions) level(*spec) Level { return LevelTCP }

func (unixOptions) open(s *spec) (Prober, error) {
	if s.url.Host != "" || s.url.Path == "" || s.url.RawQuery != "" {
		return nil, errors.New("want an absolute path with three slashes, as in unix:///run/app.sock")
	}
	return newTCP(s, "unix", s.url.Path), nil
}

// tcp is ready when a port, or the socket at a path, accepts a connection and does
// not close it within settle. What the server sends is ignored.
type tcp struct {
	network, address string
	settle           time.Duration
	dialer           *Dialer
}

// openPort opens the host and port of a URL, for the kinds that have [LevelTCP].
func openPort(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	return newTCP(s, "tcp", s.url.Host), nil
}

func newTCP(s *spec, network, address string) *tcp {
	p := &tcp{network: network, address: address, settle: s.settle, dialer: s.dialer}
	if p.settle < 0 {
		p.settle = defaultSettle
	}
	return p
}

func (p *tcp) Probe(ctx context.Context) error {
	c, err := p.dialer.DialContext(ctx, p.network, p.address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if p.settle == 0 {
		return nil
	}
	if err := c.SetReadDeadline(time.Now().Add(p.settle)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return nil
	default:
		return &usererr.Error{
			Text: "accepted the connection and closed it at once",
			Hint: "check that the Service has ready endpoints: a proxy without a backend does that",
			Err:  errors.Join(errUnanswered, err),
		}
	}
}
