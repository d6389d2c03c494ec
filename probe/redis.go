package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

var errNotRedis = errors.New("the answer to PING is not PONG")

// redisOptions are those of redis, rediss, and of their Sentinels and clusters.
type redisOptions struct {
	passwordFile string
	key          string
	role         string
}

func (o *redisOptions) keys() []target.Key {
	return []target.Key{
		target.PasswordFile(&o.passwordFile),
		{Name: "key", State: true, Usage: "ready when this key exists", Set: target.String(&o.key)},
		{
			Name: "role", State: true, Set: o.setRole,
			Usage: roleUsage,
		},
	}
}

// setRole takes replica for slave, which is what the server answers.
func (o *redisOptions) setRole(value string) error {
	if value == "replica" {
		value = "slave"
	}
	return target.OneOf(&o.role, "master", "slave")(value)
}

func (o *redisOptions) level(s *spec) Level { return s.loginLevel(o.passwordFile) }

func (o *redisOptions) open(s *spec) (Prober, error) {
	silenceRedis()
	query, err := readRedisQuery(s)
	if err != nil {
		return nil, err
	}
	if s.level == LevelState && o.key == "" && o.role == "" {
		return nil, errors.New("level state needs key= or role= in the fragment")
	}
	r := &redis{redisOptions: *o, redisServers: query.servers, spec: s, password: s.password(o.passwordFile), db: query.db}
	if s.kind.tls {
		r.tls = &query.tls
	}
	return r, nil
}

// redis speaks RESP2 with a Redis or Valkey server. Readiness is what PING says:
// HELLO succeeds while the server is still loading its data.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type redis struct {
	redisOptions
	redisServers

	spec     *spec
	password credentials.Password
	tls      *tlsconfig.Loader // nil: plain
	db       int
}

func (r *redis) Probe(ctx context.Context) error {
	var config *tls.Config
	if r.tls != nil {
		var err error
		if config, err = r.tls.Config(""); err != nil {
			return err
		}
	}
	return anyOf(ctx, r.addresses, func(ctx context.Context, address string) error {
		if r.spec.level == LevelTCP {
			return newTCP(r.spec, r.network, address).Probe(ctx)
		}
		if r.master == "" {
			return r.ask(ctx, config, address)
		}
		address, err := r.findMaster(ctx, config, address)
		if err != nil || address == "" {
			return err
		}
		return r.ask(ctx, config, address)
	})
}

// ask makes the attempt at one server.
func (r *redis) ask(ctx context.Context, config *tls.Config, address string) error {
	return r.connect(ctx, config, address, func(conn *goredis.Conn) error {
		if r.spec.level >= LevelAuth {
			if err := r.login(ctx, conn); err != nil {
				return err
			}
		}
		if answer, err := conn.Ping(ctx).Result(); err != nil {
			return err
		} else if answer != "PONG" {
			return errNotRedis
		}
		if r.cluster {
			if err := clusterState(ctx, conn); err != nil {
				return err
			}
		}
		if r.spec.level < LevelState {
			return nil
		}
		return r.state(ctx, conn)
	})
}

// connect opens a connection for one exchange, and judges its error.
func (r *redis) connect(ctx context.Context, config *tls.Config, address string, exchange func(*goredis.Conn) error) error {
	client := goredis.NewClient(r.options(ctx, config, address))
	defer func() { _ = client.Close() }()
	conn := client.Conn()
	defer func() { _ = conn.Close() }()
	if err := exchange(conn); err != nil {
		return r.judge(err)
	}
	return nil
}

// login sends AUTH as most clients do: the HELLO that go-redis would send instead accepts any password if the server has
// none, of which these clients see an error.
func (r *redis) login(ctx context.Context, conn *goredis.Conn) error {
	password, err := r.password.Read()
	if err != nil {
		return err
	}
	switch user := r.spec.url.User.Username(); {
	case user != "":
		err = conn.AuthACL(ctx, user, password).Err()
	case password != "":
		err = conn.Auth(ctx, password).Err()
	}
	if err == nil && r.db > 0 {
		err = conn.Select(ctx, r.db).Err()
		if answer, ok := errors.AsType[goredis.Error](err); ok && strings.HasPrefix(answer.Error(), "ERR ") {
			return &usererr.Error{Text: fmt.Sprintf("the server has no database %d", r.db), Hint: "check the number in the URL; a server in cluster mode has only 0", Err: err}
		}
	}
	return err
}

// options are those of one small connection that is tried once.
func (r *redis) options(ctx context.Context, config *tls.Config, address string) *goredis.Options {
	o := &goredis.Options{
		Network: r.network, Addr: address, Protocol: 2, DisableIdentity: true,
		PoolSize:         2, // with 1, a failed dial is repeated in the background
		PipelinePoolSize: -1, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: time.Hour, ReadTimeout: -1, WriteTimeout: -1, // ctx bounds the attempt
	}
	o.Dialer = func(_ context.Context, network, address string) (net.Conn, error) {
		return r.dial(ctx, config, network, address)
	}
	return o
}

func (r *redis) dial(ctx context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	conn, err := r.spec.dialer.dialTLS(ctx, network, address, config)
	if err != nil {
		return nil, err
	}
	return &respLimiter{Conn: conn, lineStart: true}, nil
}

// state asks for what the fragment names.
func (r *redis) state(ctx context.Context, conn *goredis.Conn) error {
	if r.key != "" {
		n, err := conn.Exists(ctx, r.key).Result()
		if err != nil {
			return err
		}
		if n == 0 {
			return &usererr.Error{Text: "the key does not exist"}
		}
	}
	if r.role == "" {
		return nil
	}
	answer, err := conn.Do(ctx, "ROLE").Slice()
	if err != nil {
		return err
	}
	if len(answer) == 0 || answer[0] != r.role {
		return &usererr.Error{Text: "the server's role is not " + r.role}
	}
	return nil
}

// silenceRedis keeps go-redis from writing unstructured lines to stderr.
func silenceRedis() { silenceRedisOnce.Do(func() { goredis.SetLogger(noLog{}) }) }

//nolint:gochecknoglobals // go-redis has one logger for the process
var silenceRedisOnce sync.Once

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}
