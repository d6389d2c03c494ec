package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// amqpOptions are those of amqp and amqps.
type amqpOptions struct {
	passwordFile string
	queue        string
	exchange     string
}

func (o *amqpOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{Name: "queue", State: true, Usage: "ready when this queue exists; inith never creates it", Set: shortString(&o.queue)},
		{Name: "exchange", State: true, Usage: "ready when this exchange exists; inith never creates it", Set: shortString(&o.exchange)},
	}
}

// shortString stores a value that is not longer than a name in AMQP may be.
func shortString(to *string) func(string) error {
	return func(value string) error {
		if len(value) > maxShortString {
			return errors.New("longer than 255 bytes")
		}
		*to = value
		return nil
	}
}

func (o *amqpOptions) level(s *spec) Level {
	if s.password(o.passwordFile).Given() || s.tls.CertFile != "" {
		return LevelAuth
	}
	return LevelProto
}

func (o *amqpOptions) open(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	a := &amqp{amqpOptions: *o, spec: s, user: s.url.User.Username(), vhost: cmp.Or(strings.TrimPrefix(s.url.Path, "/"), "/")}
	if err := a.readQuery(); err != nil {
		return nil, err
	}
	if s.kind.tls {
		a.tls = &tlsconfig.Loader{TLS: s.tls}
	}
	switch {
	case len(a.vhost) > maxShortString:
		return nil, errors.New("the name of the vhost is longer than 255 bytes")
	case s.level >= LevelAuth && a.user == "" && s.tls.CertFile == "":
		return nil, errors.New("a login needs a user, as in amqp://user@host/vhost")
	case s.level == LevelTCP:
		return openPort(s)
	}
	return a, s.tls.Check()
}

// amqp speaks AMQP 0-9-1 with RabbitMQ and other brokers.
// https://www.rabbitmq.com/amqp-0-9-1-reference
type amqp struct {
	amqpOptions

	spec  *spec
	tls   *tlsconfig.Loader // nil: plain
	user  string            // "": our certificate is the login
	vhost string
}

// readQuery reads the query keys of RabbitMQ's clients.
// https://www.rabbitmq.com/docs/uri-query-parameters
func (a *amqp) readQuery() error {
	query, err := target.Query(a.spec.url.RawQuery)
	if err != nil {
		return err
	}
	return target.SetQuery(query, a.queryKeys(), a.spec.drop)
}

func (a *amqp) queryKeys() map[string]func(string) error {
	keys := map[string]func(string) error{"authmechanism": func(value string) error {
		if value = strings.ToLower(value); value != "plain" && value != "external" {
			return errors.New("want plain, or external with a certificate")
		}
		return nil
	}}
	// These do not affect readiness. The second line is of pika.
	for _, name := range []string{
		"heartbeat", "connectiontimeout", "channelmax", "framemax", "idletimeout",
		"connectionattempts", "retrydelay", "sockettimeout", "stacktimeout", "blockedconnectiontimeout", "locale",
	} {
		keys[name] = func(string) error { return nil }
	}
	if a.spec.kind.tls {
		keys["cacertfile"] = target.String(&a.spec.tls.CAFile)
		keys["certfile"] = target.String(&a.spec.tls.CertFile)
		keys["keyfile"] = target.String(&a.spec.tls.KeyFile)
		keys["servernameindication"] = target.String(&a.spec.tls.ServerName)
		keys["verify"] = func(value string) error {
			a.spec.tls.SkipVerify = value == "verify_none"
			return target.OneOf(new(string), "verify_peer", "verify_none")(value)
		}
	}
	return keys
}

func (a *amqp) Probe(ctx context.Context) error {
	password := ""
	if a.spec.level >= LevelAuth {
		var err error
		if password, err = a.spec.password(a.passwordFile).Read(); err != nil {
			return err
		}
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.start(); err != nil || a.spec.level == LevelProto {
		return err
	}
	if err := c.login(a.user, password, a.vhost); err != nil {
		return err
	}
	if err := a.state(c); err != nil {
		return err
	}
	c.end()
	return nil
}

func (a *amqp) connect(ctx context.Context) (*amqpConn, error) {
	raw, err := a.spec.dialer.DialContext(ctx, "tcp", a.spec.url.Host)
	if err != nil {
		return nil, err
	}
	if a.tls != nil {
		config, err := a.tls.Config(a.spec.url.Hostname())
		if err != nil {
			return nil, err
		}
		if raw, err = a.spec.dialer.handshake(ctx, raw, config); err != nil {
			return nil, err
		}
	}
	return &amqpConn{Conn: &limitedConn{Conn: raw, left: maxAMQPTotal}}, nil
}

// state asks for what the fragment names, and whether the server accepts messages.
func (a *amqp) state(c *amqpConn) error {
	if a.spec.level < LevelState {
		return nil
	}
	for _, thing := range []struct {
		name string
		ask  func(string) error
	}{{a.queue, c.queue}, {a.exchange, c.exchange}} {
		if thing.name == "" {
			continue
		}
		if err := thing.ask(thing.name); err != nil {
			return err
		}
	}
	return c.publish()
}

// amqpError says what the code means with which a server closes a connection or a channel.
func amqpError(code uint16) error {
	known := map[uint16]usererr.Error{
		320: {Text: "the server is shutting down"},
		402: {Text: "the server has too many connections or channels"},
		403: {Text: "the user lacks a permission", Hint: "allow it with rabbitmqctl set_permissions"},
		404: {Text: "the queue or exchange does not exist (yet)", Hint: "check whether the application that declares it has run"},
		405: {Text: "the queue is exclusive to another connection"},
		530: {Text: "the vhost does not exist (yet), or the user may not use it"},
		541: {Text: "the server has an internal error, or the vhost is starting"},
	}
	e, ok := known[code]
	if !ok {
		e.Text = "the server closed the connection with an error"
	}
	e.Text += fmt.Sprintf(" (code %d)", code)
	return &e
}
