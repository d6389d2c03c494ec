package probe_test

import (
	"net"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// replies sends an answer after each message of the client, then is silent.
func replies(answers ...string) simserver.Handler {
	return func(c net.Conn) {
		buffer := make([]byte, 4<<10)
		for _, answer := range answers {
			if _, err := c.Read(buffer); err != nil {
				return
			}
			_, _ = c.Write([]byte(answer))
		}
		simserver.Silent(c)
	}
}

func TestMemcached(t *testing.T) {
	t.Parallel()
	const version, wantsLogin = "VERSION 1.6.38\r\n", "CLIENT_ERROR unauthenticated\r\n"
	for name, tt := range map[string]struct {
		server simserver.Handler
		user   string
		want   verdict
		text   string
	}{
		"up":                      {replies(version), "", ready, ""},
		"wants a login":           {replies(wantsLogin), "", ready, ""},
		"full":                    {replies("ERROR Too many open connections\r\n"), "", notYet, "no connection left"},
		"an error of the server":  {replies("SERVER_ERROR " + secret + "\r\n"), "", notYet, "answered SERVER_ERROR"},
		"an unknown error":        {replies("ERROR\r\n"), "", notYet, "not understood"},
		"another protocol":        {replies("HTTP/1.1 400 Bad Request\r\n\r\n"), "", notYet, "not understood"},
		"a long line":             {simserver.Say(string(make([]byte, 1<<20))), "", notYet, "not understood"},
		"half a line":             {replies("VERSION"), "", notYet, "did not finish its answer"},
		"hangs up":                {simserver.HangUp, "", notYet, "without an answer"},
		"silent":                  {simserver.Silent, "", notYet, "sent nothing"},
		"repeats the request":     {simserver.Echo(""), "", notYet, "not understood"},
		"login":                   {replies(wantsLogin, "STORED\r\n", version), "app:" + secret + "@", ready, ""},
		"login without an answer": {replies(wantsLogin, "STORED\r\n"), "app:" + secret + "@", notYet, "did not finish"},
		"wrong password":          {replies(wantsLogin, "CLIENT_ERROR authentication failure\r\n"), "app:" + secret + "@", rejected, "user or password refused"},
		"no login":                {replies(version), "app:" + secret + "@", rejected, "asks for no password"},
		"full for a login":        {replies("ERROR Too many open connections\r\n"), "app:" + secret + "@", notYet, "no connection left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "memcached://"+tt.user+serve(t, tt.server), tt.want, tt.text)
		})
	}
}

func TestMemcachedUsage(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"memcached://h/db":                          "without a path",
		"memcached://h?weight=3":                    "unknown query key",
		"memcached://:" + secret + "@h":             "a login needs a user",
		"memcached://a%20b:" + secret + "@h":        "a space or a line break",
		"memcached://app@h#level=state":             "has no level state",
		"memcached://h#password-file=/x&level=auth": "a login needs a user",
	} {
		_, err := probe.Open(raw, probe.Options{})
		checkVerdict(t, err, notYet, want)
	}
}

// FuzzMemcachedAnswer sends any bytes for the answers of a server.
func FuzzMemcachedAnswer(f *testing.F) {
	f.Add("VERSION 1.6.38\r\n")
	f.Add("CLIENT_ERROR unauthenticated\r\nSTORED\r\nVERSION 1\r\n")
	f.Fuzz(func(t *testing.T, answer string) {
		address := serve(t, simserver.Say(answer))
		for _, user := range []string{"", "app:" + secret + "@"} {
			err := attemptWithin(t, "memcached://"+user+address, 100*time.Millisecond)
			if err == nil && len(answer) < len("VERSION\n") {
				t.Errorf("ready after %q", answer)
			}
		}
	})
}
