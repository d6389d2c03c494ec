package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// redisServers are where the servers of a URL are.
type redisServers struct {
	network   string
	addresses []string // of which one has to be ready
	master    string   // the name by which Sentinels, which the addresses are then, know the server; "" without Sentinels
	cluster   bool     // the server must see its cluster complete
}

// read reads scheme, host and path of a URL, and returns the database in its path.
func (r *redisServers) read(u *url.URL, k Kind) (db string, err error) {
	r.network = "tcp"
	path := strings.Trim(u.Path, "/")
	_, mode, _ := strings.Cut(k.Name, "+")
	switch {
	case strings.HasSuffix(u.Scheme, "unix") || strings.HasSuffix(u.Scheme, "socket"):
		r.network, r.addresses = "unix", []string{u.Path}
		if u.Hostname() != "" || path == "" {
			return "", errors.New("want an absolute path with three slashes, as in redis+unix:///run/redis.sock?db=0")
		}
		return "", nil
	case mode == "sentinel":
		r.master, db, _ = strings.Cut(path, "/")
		if _, notNumber := strconv.Atoi(r.master); r.master == "" || notNumber == nil { // a number is a database
			return "", errors.New("want the name of the master in the path, as in redis+sentinel://host:26379/mymaster/0")
		}
	case mode == "cluster":
		r.cluster, db = true, path
	default:
		db = path
	}
	r.addresses, err = hostList(u.Host, k.port)
	return db, err
}

// findMaster asks a Sentinel for the address of the master. One that wants a password gets that of the URL: charts set one
// for both. It returns "" for one that is up and may not be asked. https://redis.io/docs/latest/develop/reference/sentinel-clients/
func (r *redis) findMaster(ctx context.Context, config *tls.Config, sentinel string) (string, error) {
	var answer []string
	err := r.connect(ctx, config, sentinel, func(conn *goredis.Conn) error {
		var err error
		answer, err = r.askSentinel(ctx, conn)
		return err
	})
	const parts = 2 // host and port
	switch {
	case errors.Is(err, goredis.Nil):
		return "", &usererr.Error{Text: "the Sentinel knows no master of this name (yet)", Hint: "compare the path of the URL with `sentinel monitor` in its configuration"}
	case err != nil && isUnknownCommand(err):
		return "", &usererr.Error{Text: "the server is no Sentinel", Hint: "name the port of the Sentinels, which is 26379 by default, or use redis://"}
	case err != nil:
		return "", err
	case len(answer) == 0: // at level proto, it wants a password
		return "", nil
	case len(answer) != parts || redact.Name(answer[0]) != answer[0] || target.CheckPort(answer[1]) != nil:
		return "", errNotRedis
	}
	return net.JoinHostPort(answer[0], answer[1]), nil
}

func isUnknownCommand(err error) bool {
	answer, ok := errors.AsType[goredis.Error](err)
	return ok && strings.HasPrefix(answer.Error(), "ERR unknown command")
}

func (r *redis) askSentinel(ctx context.Context, conn *goredis.Conn) ([]string, error) {
	ask := func() ([]string, error) {
		return conn.Do(ctx, "SENTINEL", "get-master-addr-by-name", r.master).StringSlice()
	}
	answer, err := ask()
	if err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") || !r.password.Given() {
		return answer, err
	}
	password, err := r.password.Read()
	if err != nil {
		return nil, err
	}
	if err := conn.Auth(ctx, password).Err(); err != nil {
		return nil, err
	}
	return ask()
}

// clusterState asks a node of a cluster whether all slots are served.
func clusterState(ctx context.Context, conn *goredis.Conn) error {
	info, err := conn.ClusterInfo(ctx).Result()
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "ERR This instance has cluster support disabled"):
		return &usererr.Error{Text: "the server is not in cluster mode", Hint: "set cluster-enabled yes in the server, or use redis://"}
	case err != nil:
		return err
	case !strings.Contains(info, "cluster_state:ok"):
		return &usererr.Error{Text: "the cluster is not complete (cluster_state is not ok)", Hint: "check whether the job that creates the cluster has run, and whether all masters are up"}
	}
	return nil
}
