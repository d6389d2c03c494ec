package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// kafkaOptions are those of kafka and kafka+ssl.
type kafkaOptions struct {
	passwordFile string
	mechanism    string
	topic        string
	brokers      int
}

func (o *kafkaOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{
			Name: "sasl", Set: target.OneOf(&o.mechanism, "plain", "scram-sha-256", "scram-sha-512"),
			Usage: "mechanism of the login: plain (default), scram-sha-256 or scram-sha-512",
		},
		{
			Name: "topic", State: true, Set: target.String(&o.topic),
			Usage: "ready when this topic exists and each of its partitions has a leader; inith never creates it",
		},
		{
			Name: "brokers", State: true, Set: target.Count(&o.brokers),
			Usage: "ready when the cluster has at least this number of brokers",
		},
	}
}

func (o *kafkaOptions) level(s *spec) Level {
	if s.password(o.passwordFile).Given() || s.tls.CertFile != "" {
		return LevelAuth
	}
	return LevelProto
}

func (o *kafkaOptions) open(s *spec) (Prober, error) {
	if err := s.noQuery(); err != nil {
		return nil, err
	}
	if strings.Trim(s.url.Path, "/") != "" {
		return nil, errors.New("a kafka URL has no path: name the topic as #topic=")
	}
	servers, err := hostList(s.url.Host, s.kind.port)
	if err != nil {
		return nil, err
	}
	user := s.url.User.Username()
	switch {
	case user == "" && (o.mechanism != "" || s.password(o.passwordFile).Given()):
		return nil, errors.New("a login needs a user, as in kafka://user@host")
	case user != "" && s.level >= LevelAuth && !s.password(o.passwordFile).Given():
		return nil, errors.New("a login needs a password: write user:password@host or #password-file=")
	}
	k := &kafka{kafkaOptions: *o, spec: s, servers: servers, user: user}
	if s.kind.tls {
		k.tls = &tlsconfig.Loader{TLS: s.tls}
	}
	return k, nil
}

// kafka speaks the protocol of Kafka. Its requests change nothing in a cluster.
// https://kafka.apache.org/protocol
type kafka struct {
	kafkaOptions

	spec    *spec
	servers []string          // any of which will do
	tls     *tlsconfig.Loader // nil: plain
	user    string            // "": no login
}

// A kafkaAttempt is what an attempt has read from files.
type kafkaAttempt struct {
	*kafka

	config   *tls.Config // nil: plain; without the name of a server
	password string
}

func (k *kafka) Probe(ctx context.Context) error {
	attempt, err := k.attempt()
	if err != nil {
		return err
	}
	return anyOf(ctx, k.servers, attempt.ask)
}

func (k *kafka) attempt() (*kafkaAttempt, error) {
	a := &kafkaAttempt{kafka: k}
	var err error
	if k.spec.level >= LevelAuth {
		if a.password, err = k.spec.password(k.passwordFile).Read(); err != nil {
			return nil, err
		}
	}
	if k.tls != nil && k.spec.level > LevelTCP {
		a.config, err = k.tls.Config("")
	}
	return a, err
}

// ask asks one of the servers.
func (a *kafkaAttempt) ask(ctx context.Context, server string) error {
	if a.spec.level == LevelTCP {
		return newTCP(a.spec, "tcp", server).Probe(ctx)
	}
	c, err := a.connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if a.spec.level == LevelProto {
		return nil
	}
	if a.user != "" {
		if err := a.login(c); err != nil {
			return err
		}
	}
	cluster, err := a.metadata(c)
	if err != nil || a.spec.level < LevelState {
		return err
	}
	return a.judge(ctx, cluster)
}

// connect opens a connection to a broker that answers which versions of the protocol it knows, which it does before a
// login.
func (a *kafkaAttempt) connect(ctx context.Context, address string) (*kafkaConn, error) {
	raw, err := a.spec.dialer.dialTLS(ctx, "tcp", address, a.config)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	c := &kafkaConn{Conn: &limitedConn{Conn: raw, left: maxKafkaTotal}}
	if err := c.versions(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
