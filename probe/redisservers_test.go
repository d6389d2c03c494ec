package probe_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/simserver"
)

// bulk returns an array of strings as Redis sends it.
func bulk(words ...string) string {
	var b strings.Builder
	b.WriteString("*" + string(rune('0'+len(words))) + "\r\n")
	for _, w := range words {
		b.WriteString("$" + string([]byte{byte('0' + len(w)/10), byte('0' + len(w)%10)}) + "\r\n" + w + "\r\n")
	}
	return b.String()
}

// sentinel answers the question for the master.
func sentinel(answer string) simserver.Handler {
	return simserver.Redis(func(command []string) string {
		if command[0] == "SENTINEL" && command[1] == "get-master-addr-by-name" && command[2] == "main" {
			return answer
		}
		return "-ERR unknown command\r\n"
	})
}

func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	masterAt := func(t *testing.T, h simserver.Handler) string {
		t.Helper()
		host, port, err := net.SplitHostPort(serve(t, h))
		if err != nil {
			t.Fatal(err)
		}
		return bulk(host, port)
	}
	up := masterAt(t, redisWithPassword())
	gone := listen(t, simserver.Silent)
	gone.Close()
	host, port, _ := net.SplitHostPort(gone.Addr())
	for name, tt := range map[string]struct {
		sentinel simserver.Handler
		user     string
		tail     string
		want     verdict
		text     string
	}{
		"a master":               {sentinel(up), "", "", ready, ""},
		"a master and a login":   {sentinel(up), ":" + secret + "@", "/0", ready, ""},
		"a wrong password":       {sentinel(up), ":x@", "", rejected, "WRONGPASS"},
		"a role":                 {sentinel(up), ":" + secret + "@", "#role=master", ready, ""},
		"another role":           {sentinel(up), ":" + secret + "@", "#role=replica", notYet, "role is not slave"},
		"no master of this name": {sentinel("*-1\r\n"), "", "", notYet, "knows no master of this name"},
		"a master that is gone":  {sentinel(bulk(host, port)), "", "", notYet, "connection refused"},
		"a loading master":       {sentinel(masterAt(t, simserver.RedisPing("-LOADING x\r\n"))), "", "", notYet, "LOADING"},
		"no Sentinel":            {simserver.RedisPing("+PONG\r\n"), "", "", notYet, "is no Sentinel"},
		"refuses our password": {simserver.Redis(func(command []string) string {
			if command[0] == "AUTH" {
				return "-WRONGPASS invalid username-password pair\r\n"
			}
			return "-NOAUTH Authentication required.\r\n"
		}), ":" + secret + "@", "", rejected, "WRONGPASS"},
		"wants a password": {sentinel("-NOAUTH Authentication required.\r\n"), "", "", ready, ""},
		"an odd answer":    {sentinel(bulk("a b "+secret, "1")), "", "", notYet, "not understood"},
		"an odd port":      {sentinel(bulk("127.0.0.1", "99999999999")), "", "", notYet, "not understood"},
		"silent":           {simserver.Silent, "", "", notYet, "sent nothing"},
		"at level tcp":     {simserver.Silent, "", "#level=tcp", ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "redis+sentinel://"+tt.user+serve(t, tt.sentinel)+"/main"+tt.tail, tt.want, tt.text)
		})
	}
	check(t, "redis+sentinel://"+gone.Addr()+","+serve(t, sentinel(up))+"/main", ready, "")
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	node := func(info string) simserver.Handler {
		return simserver.Redis(func(command []string) string {
			switch command[0] {
			case "PING":
				return "+PONG\r\n"
			case "CLUSTER":
				return info
			}
			return "-ERR unknown command\r\n"
		})
	}
	ok := node("$20\r\ncluster_state:ok\r\nx:\r\n")
	for name, tt := range map[string]struct {
		server simserver.Handler
		want   verdict
		text   string
	}{
		"complete":         {ok, ready, ""},
		"not complete":     {node("$18\r\ncluster_state:fail\r\n"), notYet, "the cluster is not complete"},
		"no cluster":       {node("-ERR This instance has cluster support disabled\r\n"), notYet, "not in cluster mode"},
		"wants a password": {redisWithPassword(), ready, ""},
		"silent":           {simserver.Silent, notYet, "sent nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "redis+cluster://"+serve(t, tt.server), tt.want, tt.text)
		})
	}
	check(t, "redis+cluster://"+serve(t, node("$18\r\ncluster_state:fail\r\n"))+","+serve(t, ok), ready, "")
}

func TestRedisSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "redis.sock")
	s, err := simserver.Listen(t.Context(), "unix", path, redisWithPassword())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, scheme := range []string{"redis+unix", "redis+socket", "redis-socket"} {
		check(t, scheme+"://:"+secret+"@"+path+"?db=2", ready, "")
	}
	check(t, "redis+unix://"+path, ready, "")
	check(t, "redis+unix://"+path+"#level=tcp", ready, "")
	check(t, "redis+unix://"+path+".missing", notYet, "no such socket")
}
