package probe

import (
	"context"
	"errors"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// natsOptions are those of nats.
type natsOptions struct {
	passwordFile string
	jetStream    bool
}

func (o *natsOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{
			Name: "jetstream", State: true, Flag: true, Set: o.setJetStream,
			Usage: "ready when JetStream answers for the account of the user, which in a cluster takes a leader",
		},
	}
}

// setJetStream takes no false: the key would ask for nothing.
func (o *natsOptions) setJetStream(value string) error {
	if err := target.Bool(&o.jetStream)(value); err != nil || !o.jetStream {
		return errors.New("want jetstream alone, or jetstream=true")
	}
	return nil
}

func (o *natsOptions) level(s *spec) Level {
	if s.url.User != nil || o.passwordFile != "" || s.tls.CertFile != "" {
		return LevelAuth
	}
	return LevelProto
}

func (o *natsOptions) open(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	if strings.Trim(s.url.Path, "/") != "" {
		return nil, errors.New("a nats URL has no path")
	}
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	switch {
	case s.level == LevelState && !o.jetStream:
		return nil, errors.New("level state needs jetstream in the fragment")
	case s.level == LevelTCP:
		return openPort(s)
	}
	return &nats{natsOptions: *o, spec: s, tls: &tlsconfig.Loader{TLS: s.tls}}, nil
}

// nats speaks the client protocol of NATS.
// https://docs.nats.io/reference/reference-protocols/nats-protocol
type nats struct {
	natsOptions

	spec *spec
	tls  *tlsconfig.Loader
}

func (n *nats) Probe(ctx context.Context) error {
	raw, err := n.spec.dialer.DialContext(ctx, "tcp", n.spec.url.Host)
	if err != nil {
		return err
	}
	c := newNATSConn(raw)
	defer func() { _ = c.Close() }()
	info, err := c.info()
	switch {
	case err != nil:
		return err
	case info.LameDuck:
		return &usererr.Error{Text: "the server is shutting down (lame duck mode)"}
	}
	if c, err = n.encrypt(ctx, c, info); err != nil {
		return err
	}
	if n.spec.level == LevelProto {
		return c.greet()
	}
	if err := n.login(c); err != nil {
		return err
	}
	return n.state(c, info)
}

// encrypt turns the connection into one of TLS, as clients do: where the server requires it, or the URL has a key of TLS.
func (n *nats) encrypt(ctx context.Context, c *natsConn, info natsInfo) (*natsConn, error) {
	wanted := n.spec.tls != tlsconfig.TLS{}
	switch {
	case !info.TLSRequired && !wanted:
		return c, nil
	case !info.TLSRequired && !info.TLSAvailable:
		return c, &usererr.Error{Text: "the server does not offer TLS", Hint: "turn it on in the server, or remove the keys of TLS"}
	}
	config, err := n.tls.Config(n.spec.url.Hostname())
	if err != nil {
		return c, err
	}
	encrypted, err := n.spec.dialer.handshake(ctx, c.Conn, config)
	if err != nil {
		return c, err
	}
	return newNATSConn(encrypted), nil
}

// login sends what the URL has: user and password, or a user alone, which is a token.
func (n *nats) login(c *natsConn) error {
	password, err := n.spec.password(n.passwordFile).Read()
	if err != nil {
		return err
	}
	connect := natsConnect{Name: protoUser, Lang: "go", NoResponders: true, Headers: true}
	switch user := n.spec.url.User.Username(); {
	case user == "":
		connect.Token = password
	case n.spec.password(n.passwordFile).Given():
		connect.User, connect.Password = user, password
	default:
		connect.Token = user
	}
	return c.connect(connect)
}

// state asks JetStream for the account.
func (n *nats) state(c *natsConn, info natsInfo) error {
	switch {
	case !n.jetStream:
		return nil
	case !info.JetStream:
		return &usererr.Error{Text: "JetStream is not enabled in this server", Hint: "start the server with --jetstream"}
	}
	return c.jetStream()
}
