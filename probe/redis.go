package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

var errNotRedis = errors.New("the answer to PING is not PONG")

func redisKeys() []string { return []string{"password-file", "key", "role"} }

func redisStateKeys() []string { return []string{"key", "role"} }

func redisLevel(s *spec) Level {
	switch {
	case s.keys["key"] != "", s.keys["role"] != "":
		return LevelState
	case s.hasPassword():
		return LevelAuth
	default:
		return LevelProto
	}
}

// cache speaks RESP2 with a Redis or Valkey server. Readiness is what PING says:
// HELLO succeeds while the server is still loading its data.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type cache struct {
	spec *spec
	tls  *tlsconfig.Loader // nil: plain
	db   int
}

func newRedis(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	silenceRedis()
	db, err := redisDB(s)
	if err != nil {
		return nil, err
	}
	if role, ok := s.keys["role"]; ok && role != "master" && role != "slave" {
		return nil, errors.New(`fragment key "role": not master or slave`)
	}
	if s.level == LevelState && s.keys["key"] == "" && s.keys["role"] == "" {
		return nil, errors.New("level state needs key= or role= in the fragment")
	}
	if s.level == LevelTCP {
		return newTCP(s)
	}
	c := &cache{spec: s, db: db}
	if s.kind.Name == "rediss" {
		c.tls = &tlsconfig.Loader{TLS: s.tls}
	}
	return c, nil
}

// redisDB returns the number of the database, of the path or of db=.
func redisDB(s *spec) (int, error) {
	name := strings.TrimPrefix(s.url.Path, "/")
	query, err := libpq.Query(s.url.RawQuery)
	if err != nil {
		return 0, err
	}
	for key, value := range query {
		if key == "db" {
			name = value
		} else if err := s.drop(key); err != nil {
			return 0, err
		}
	}
	if name == "" {
		return 0, nil
	}
	db, err := strconv.Atoi(name)
	if err != nil || db < 0 {
		return 0, errors.New("the database is not a number: redis://host:6379/0")
	}
	return db, nil
}

func (c *cache) Probe(ctx context.Context) error {
	o, err := c.options(ctx)
	if err != nil {
		return err
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	answer, err := client.Ping(ctx).Result()
	if err != nil {
		return c.judge(err)
	}
	if answer != "PONG" {
		return errNotRedis
	}
	if c.spec.level < LevelState {
		return nil
	}
	if err := c.state(ctx, client); err != nil {
		return c.judge(err)
	}
	return nil
}

// options are those of one small connection that is tried once.
func (c *cache) options(ctx context.Context) (*redis.Options, error) {
	o := &redis.Options{
		Addr: c.spec.url.Host, Protocol: 2, DisableIdentity: true,
		PoolSize:         2, // with 1, a failed dial is repeated in the background
		PipelinePoolSize: -1, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: time.Hour, ReadTimeout: -1, WriteTimeout: -1, // ctx bounds the attempt
	}
	o.Dialer = func(_ context.Context, network, address string) (net.Conn, error) {
		return c.dial(ctx, network, address)
	}
	if c.spec.level >= LevelAuth {
		password, err := c.spec.password()
		if err != nil {
			return nil, err
		}
		o.Username, o.Password, o.DB = c.spec.url.User.Username(), password, c.db
	}
	return o, nil
}

func (c *cache) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.spec.dialer.DialContext(ctx, network, address)
	if err == nil && c.tls != nil {
		var config *tls.Config
		if config, err = c.tls.Config(c.spec.url.Hostname()); err == nil {
			conn, err = c.spec.dialer.handshake(ctx, conn, config)
		}
	}
	if err != nil {
		return nil, err
	}
	return &respLimiter{Conn: conn, lineStart: true}, nil
}

// state asks for what the fragment names.
func (c *cache) state(ctx context.Context, client *redis.Client) error {
	if key, ok := c.spec.keys["key"]; ok {
		n, err := client.Exists(ctx, key).Result()
		if err != nil {
			return err
		}
		if n == 0 {
			return &usererr.Error{Text: "the key does not exist"}
		}
	}
	want, ok := c.spec.keys["role"]
	if !ok {
		return nil
	}
	answer, err := client.Do(ctx, "ROLE").Slice()
	if err != nil {
		return err
	}
	if len(answer) == 0 || answer[0] != want {
		return &usererr.Error{Text: "the server's role is not " + want}
	}
	return nil
}

// judge decides on an error answer by its first word. The rest is not shown.
func (c *cache) judge(err error) error {
	answer, ok := errors.AsType[redis.Error](err)
	if !ok {
		return err
	}
	if _, ours := errors.AsType[*usererr.Error](err); ours {
		return err
	}
	code, text, _ := strings.Cut(answer.Error(), " ")
	r := &usererr.Error{Text: "answered " + answerCode(code), Err: err}
	switch {
	case code == "NOPERM" && c.spec.level < LevelState:
		return nil // it knows us, and answers
	case code == "NOPERM":
		r.Text += ", the user may not ask for that"
		r.Hint = "its ACL needs EXISTS on the key, or ROLE"
	case code == "NOAUTH", code == "WRONGPASS", code == "ERR" && strings.HasPrefix(text, "AUTH "):
		if c.spec.level == LevelProto {
			return nil // up, and it wants a password
		}
		r.Text += ", user or password refused"
		r.Hint = "rediss://user@host with #password-file= gives the password; most servers know the user default only"
		return Rejected(r)
	case code == "LOADING":
		r.Text += ", the server loads its data"
	case code == "MASTERDOWN":
		r.Text += ", the replica has no link to its master"
	case code == "DENIED":
		r.Text += ", protected mode refuses other hosts"
		r.Hint = "the server needs a password, or protected-mode no"
		return Permanent(r)
	case code == "ERR" && strings.HasPrefix(text, "max number of clients"):
		r.Text = "has no connection left (maxclients)"
	}
	return r
}

// answerCode returns the first word of an error answer, if it is one that Redis
// gives: another server may repeat what it was sent, and a password may be a word in
// upper case.
func answerCode(code string) string {
	known := []string{
		"ASK", "BUSY", "CLUSTERDOWN", "CROSSSLOT", "DENIED", "ERR", "EXECABORT", "LOADING", "MASTERDOWN", "MISCONF",
		"MOVED", "NOAUTH", "NOMASTERLINK", "NOPERM", "NOPROTO", "NOREPLICAS", "NOTREADY", "OOM", "READONLY", "TRYAGAIN",
		"UNKILLABLE", "WRONGPASS", "WRONGTYPE",
	}
	if !slices.Contains(known, code) {
		return "an error"
	}
	return code
}

// silenceRedis keeps go-redis from writing unstructured lines to stderr.
func silenceRedis() { silenceRedisOnce.Do(func() { redis.SetLogger(noLog{}) }) }

//nolint:gochecknoglobals // go-redis has one logger for the process
var silenceRedisOnce sync.Once

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}
