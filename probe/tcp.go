package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// defaultSettle is how long an accepted connection must stay open: a proxy
// without a backend accepts and closes at once.
const defaultSettle = 100 * time.Millisecond

// A port is ready when it accepts a connection and does not close it within
// settle. What it says is not looked at.
type port struct {
	network, address string
	settle           time.Duration
	dialer           *Dialer
}

func newTCP(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	if s.kind.Name == "tcp" && (s.url.Path != "" || s.url.RawQuery != "" || s.url.User != nil) {
		return nil, errors.New("tcp is tcp://host:port, without user, path or query")
	}
	return newPort(s, "tcp", s.url.Host)
}

// newUnix opens unix:///path/to/socket.
func newUnix(s *spec) (Prober, error) {
	if s.url.Host != "" || s.url.Path == "" || s.url.RawQuery != "" {
		return nil, errors.New("unix needs an absolute path, with three slashes: unix:///run/app.sock")
	}
	return newPort(s, "unix", s.url.Path)
}

func newPort(s *spec, network, address string) (Prober, error) {
	settle, err := s.duration("settle", 0, defaultSettle)
	if err != nil {
		return nil, err
	}
	return &port{network: network, address: address, settle: settle, dialer: s.dialer}, nil
}

func (p *port) Probe(ctx context.Context) error {
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
			Hint: "a proxy without a backend does that: does the Service have ready endpoints?",
			Err:  err,
		}
	}
}
