package probe

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// A redisQuery is what path and query of a URL of Redis say.
type redisQuery struct {
	db      int
	tls     tlsconfig.Loader
	servers redisServers
}

// readRedisQuery reads the number of the database, and the keys by which drivers ask for TLS.
func readRedisQuery(s *spec) (*redisQuery, error) {
	q := &redisQuery{tls: tlsconfig.Loader{TLS: s.tls}}
	query, err := target.Query(s.url.RawQuery)
	if err != nil {
		return nil, err
	}
	db, err := q.servers.read(s.url, s.kind)
	if err != nil {
		return nil, err
	}
	if err := q.setDB(db); err != nil {
		return nil, err
	}
	if err := target.SetQuery(query, q.keys(s.kind.tls), s.drop); err != nil {
		return nil, err
	}
	return q, q.tls.Check()
}

func (q *redisQuery) setDB(name string) (err error) {
	if name == "" {
		return nil
	}
	q.db, err = strconv.Atoi(name)
	if err != nil || q.db < 0 {
		return errors.New("the database is not a number, as in redis://host:6379/0")
	}
	return nil
}

// keys are those of redis-py and Celery (ssl_…), go-redis (skip_verify) and Lettuce (verifyPeer), by [target.DriverKey].
// Without TLS, they may only say so.
func (q *redisQuery) keys(tls bool) map[string]func(value string) error {
	keys := map[string]func(string) error{
		"db":          q.setDB,
		"ssl":         func(string) error { return nil },
		"sslcertreqs": q.setCertReqs,
		"verifypeer":  q.setCertReqs,
		"sslcacerts":  target.String(&q.tls.CAFile),
		"sslcertfile": target.String(&q.tls.CertFile),
		"sslkeyfile":  target.String(&q.tls.KeyFile),
		"skipverify":  target.Bool(&q.tls.SkipVerify),
		"sslcheckhostname": func(value string) error {
			check, err := target.Boolean(value)
			q.tls.AnyName = !check
			return err
		},
	}
	if tls {
		return keys
	}
	for name := range keys {
		if name != "db" {
			keys[name] = withoutTLS
		}
	}
	return keys
}

func withoutTLS(value string) error {
	if !slices.Contains([]string{"none", "certnone", "false", "0"}, target.DriverKey(value)) {
		return errors.New("it belongs to rediss://, which is redis:// over TLS")
	}
	return nil
}

// setCertReqs reads whether the server's certificate is verified.
func (q *redisQuery) setCertReqs(value string) error {
	switch strings.TrimPrefix(target.DriverKey(value), "cert") {
	case "none", "optional", "false":
		q.tls.SkipVerify = true
	case "ca":
		q.tls.AnyName = true
	case "required", "full", "true":
	default:
		return errors.New("want required or none")
	}
	return nil
}
