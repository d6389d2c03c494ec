package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/inith/inith/internal/usererr"
)

// greet asks one host at [LevelProto] or [LevelTCP].
func (p *postgres) greet(ctx context.Context, h postgresHost) error {
	c, err := p.config(h, "")
	if err != nil {
		return err
	}
	network, address := pgconn.NetworkAddress(cmp.Or(h.address, c.Host), c.Port)
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
	if mayBePlain(c) {
		return p.startup(raw)
	}
	encrypted, err := p.startTLS(ctx, raw, c.TLSConfig)
	if err != nil {
		return err
	}
	return p.startup(encrypted)
}

// mayBePlain reports whether sslmode allows a connection without TLS, which is enough to see that the server is up.
func mayBePlain(c *pgconn.Config) bool {
	return c.TLSConfig == nil || slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
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
