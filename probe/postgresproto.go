package probe

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/inith/inith/internal/usererr"
)

// anyHost asks each host in turn until one is ready, as libpq does.
func (p *postgres) anyHost(ctx context.Context) error {
	c, err := p.config("")
	if err != nil {
		return err
	}
	ways := []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}
	ways = append(ways, c.Fallbacks...)
	if slices.ContainsFunc(ways, isPlain) {
		ways = slices.DeleteFunc(ways, func(w *pgconn.FallbackConfig) bool { return !isPlain(w) })
	}
	var failed error
	for i, way := range ways {
		failed = p.oneHost(ctx, way, len(ways)-i)
		if failed == nil {
			return nil
		}
	}
	return failed
}

// isPlain reports whether a way to connect is without TLS. Where sslmode allows
// that, that is enough to see that the server is up.
func isPlain(w *pgconn.FallbackConfig) bool { return w.TLSConfig == nil }

// oneHost asks one of the hosts that are left, in its share of the time.
func (p *postgres) oneHost(ctx context.Context, way *pgconn.FallbackConfig, left int) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	network, address := pgconn.NetworkAddress(way.Host, way.Port)
	if p.spec.level == LevelTCP {
		return newTCP(p.spec, network, address).Probe(ctx)
	}
	raw, err := p.spec.dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	if way.TLSConfig == nil {
		return p.startup(raw)
	}
	c, err := p.startTLS(ctx, raw, way.TLSConfig)
	if err != nil {
		return err
	}
	return p.startup(c)
}

// startTLS asks for TLS as the protocol wants it, unless sslnegotiation=direct.
func (p *postgres) startTLS(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	if p.settings["sslnegotiation"] != "direct" {
		request, err := (&pgproto3.SSLRequest{}).Encode(nil)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write(request); err != nil {
			return nil, err
		}
		answer := make([]byte, 1)
		if _, err := c.Read(answer); err != nil {
			return nil, err
		}
		if answer[0] != 'S' {
			return nil, errNoTLS()
		}
	}
	return p.spec.dialer.handshake(ctx, c, config)
}

func errNoTLS() error {
	return &usererr.Error{Text: "the server does not offer TLS", Hint: "sslmode or a CA file requires it: turn ssl on in the server, or set sslmode=disable"}
}

// startup introduces us and looks at the first answer. Any request for a
// password means that the server is up, and so does any error but the one that
// it is not.
func (p *postgres) startup(c net.Conn) error {
	f := newFrontend(c, c)
	name := p.settings["database"]
	if name == "" {
		name = "postgres"
	}
	f.Send(&pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters:      map[string]string{"user": protoUser, "database": name},
	})
	if err := f.Flush(); err != nil {
		return err
	}
	for {
		message, err := f.Receive()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case pgproto3.AuthenticationResponseMessage:
			return nil
		case *pgproto3.ErrorResponse:
			if m.Code == "57P03" {
				return postgresReason(m.Code)
			}
			return nil
		}
	}
}
