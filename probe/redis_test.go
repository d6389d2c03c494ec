package probe_test

import (
	"cmp"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
)

// redisWithPassword is a server that wants the secret and holds the key "here".
func redisWithPassword() simserver.Handler {
	return func(c net.Conn) {
		loggedIn := false
		simserver.Redis(func(command []string) string {
			switch {
			case command[0] == "HELLO":
				return "-ERR unknown command 'HELLO'\r\n" // as old servers and proxies
			case command[0] == "AUTH" && command[len(command)-1] == secret:
				loggedIn = true
				return "+OK\r\n"
			case command[0] == "AUTH":
				return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
			case !loggedIn:
				return "-NOAUTH Authentication required.\r\n"
			case command[0] == "PING":
				return "+PONG\r\n"
			case command[0] == "SELECT":
				return "+OK\r\n"
			case command[0] == "EXISTS" && command[1] == "here":
				return ":1\r\n"
			case command[0] == "EXISTS":
				return ":0\r\n"
			case command[0] == "ROLE":
				return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
			default:
				return "-ERR unknown command\r\n"
			}
		})(c)
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	says := simserver.RedisPing
	always := func(answer string) simserver.Handler { return simserver.Redis(func([]string) string { return answer }) }
	login := ":" + secret + "@"
	for _, tt := range []struct {
		name   string
		server simserver.Handler
		user   string
		target string // after the host
		want   verdict
		text   string
	}{
		{"proto: pong", says("+PONG\r\n"), "", "", ready, ""},
		{"proto: wants a password", redisWithPassword(), "", "", ready, ""},
		{"proto: loading", says("-LOADING Redis is loading the dataset in memory\r\n"), "", "", notYet, "LOADING"},
		{"proto: no master", says("-MASTERDOWN Link with MASTER is down\r\n"), "", "", notYet, "MASTERDOWN"},
		{"proto: protected mode", says("-DENIED Redis is running in protected mode\r\n"), "", "", permanent, "DENIED"},
		{"proto: full", says("-ERR max number of clients reached\r\n"), "", "", notYet, "maxclients"},
		{"proto: busy", says("-BUSY Redis is busy running a script\r\n"), "", "", notYet, "BUSY"},
		{"proto: hangs up", simserver.HangUp, "", "", notYet, "without an answer"},
		{"proto: silent", simserver.Silent, "", "", notYet, "sent nothing"},
		{"proto: another protocol", simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", "", notYet, "not understood"},
		{"auth: repeats what it was sent", simserver.Echo("-"), login, "", notYet, "not understood"},
		{"auth: answers with the password", always("-" + strings.ToUpper(secret) + " x\r\n"), login, "", notYet, "answered an error"},
		{"auth: answers with a word", always("-SECRETWORD x\r\n"), ":SECRETWORD@", "", notYet, "answered an error"},
		{"auth: repeats it in a map", simserver.Echo(":"), login, "", notYet, ""},
		{"tcp: hangs up", simserver.HangUp, "", "#level=tcp&settle=1m", notYet, "closed it at once"},
		{"auth: right password", redisWithPassword(), login, "/3", ready, ""},
		{"auth: right user and password", redisWithPassword(), "app" + login, "", ready, ""},
		{"auth: wrong password", redisWithPassword(), ":x" + secret + "@", "", rejected, "WRONGPASS"},
		{"auth: a server without a password", simserver.Redis(func(command []string) string {
			answers := map[string]string{
				"AUTH": "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n",
				"PING": "+PONG\r\n",
			}
			return cmp.Or(answers[command[0]], "-ERR unknown command\r\n")
		}), login, "", rejected, "the server has no password"},
		{"auth: no such database", simserver.Redis(func(command []string) string {
			answers := map[string]string{"AUTH": "+OK\r\n", "SELECT": "-ERR DB index is out of range\r\n", "PING": "+PONG\r\n"}
			return cmp.Or(answers[command[0]], "-ERR unknown command\r\n")
		}), login, "/99", notYet, "the server has no database 99"},
		{"auth: no password, asked for by level", redisWithPassword(), "", "#level=auth", rejected, "NOAUTH"},
		{"auth: loading", says("-LOADING Redis is loading the dataset in memory\r\n"), "", "#level=auth", notYet, "LOADING"},
		{"auth: may not PING, but is known", says("-NOPERM this user has no permissions to run the 'ping' command\r\n"), "", "#level=auth", ready, ""},
		{"state: lacks the permission", says("-NOPERM this user has no permissions to run the 'ping' command\r\n"), "", "#key=x", notYet, "lacks the permission"},
		{"state: of a cluster", simserver.Redis(func(command []string) string {
			answers := map[string]string{"PING": "+PONG\r\n", "EXISTS": "-MOVED 3999 127.0.0.1:6381\r\n"}
			return cmp.Or(answers[command[0]], "-ERR unknown command\r\n")
		}), "", "#key=x", notYet, "another node of the cluster has the key"},
		{"state: key exists", redisWithPassword(), login, "#key=here", ready, ""},
		{"state: key does not exist", redisWithPassword(), login, "#key=gone", notYet, "key does not exist"},
		{"state: role", redisWithPassword(), login, "#role=master", ready, ""},
		{"state: another role", redisWithPassword(), login, "#role=slave", notYet, "role is not slave"},
		{"state: a replica is a slave", redisWithPassword(), login, "#role=replica", notYet, "role is not slave"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, "redis://"+tt.user+serve(t, tt.server)+tt.target, tt.want, tt.text)
		})
	}
}

// TestRedisAnswerIsBounded sends a line without an end: the attempt fails because of
// the bytes that came, and does not wait for more of them until its time is over.
func TestRedisAnswerIsBounded(t *testing.T) {
	t.Parallel()
	address := serve(t, simserver.Say("+"+strings.Repeat("x", 64<<10)))
	checkVerdict(t, attempt(t, "redis://"+address), notYet, "not understood")
}

// FuzzRedisAnswer sends any bytes for the answer to every command.
func FuzzRedisAnswer(f *testing.F) {
	for _, answer := range []string{"+PONG\r\n", "-NOAUTH x\r\n", "-LOADING x\r\n", "$-1\r\n", "*1000000000\r\n", "$1000000000\r\n", "%1\r\n", ">2\r\n+a\r\n+b\r\n", "|1\r\n+a\r\n+b\r\n+PONG\r\n"} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Redis(func([]string) string { return answer }))
		_ = attemptWithin(t, "redis://"+address, 100*time.Millisecond)
	})
}
