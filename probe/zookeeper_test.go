package probe_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// zookeeperServer answers srvr as the documentation says, and closes the connection.
func zookeeperServer(answer string) simserver.Handler {
	return func(c net.Conn) {
		word := make([]byte, 4)
		if _, err := io.ReadFull(c, word); err == nil && string(word) == "srvr" {
			_, _ = io.WriteString(c, answer)
		}
	}
}

func srvr(mode string) string {
	return "Zookeeper version: 3.9.3-c26634f34490bb0ea7a09cc51e05ede3b4e320ee, built on 2024-10-17 23:21 UTC\n" +
		"Latency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: " + mode + "\nNode count: 5\n"
}

const (
	notServing  = "This ZooKeeper instance is not currently serving requests\n"
	unlistedSrv = "srvr is not executed because it is not in the whitelist.\n"
)

func TestZookeeper(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server simserver.Handler
		key    string
		want   verdict
		text   string
	}{
		"up":                    {zookeeperServer(srvr("standalone")), "", ready, ""},
		"with a chroot":         {zookeeperServer(srvr("leader")), "/kafka", ready, ""},
		"no quorum":             {zookeeperServer(notServing), "", notYet, "not serving requests"},
		"not in the whitelist":  {zookeeperServer(unlistedSrv), "", ready, ""},
		"another mode":          {zookeeperServer(srvr(secret)), "", notYet, "not understood"},
		"half an answer":        {zookeeperServer("Zookeeper version: 3"), "", notYet, "not understood"},
		"another protocol":      {simserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "", notYet, "did not finish"},
		"endless":               {simserver.Say(strings.Repeat("x", 1<<20)), "", notYet, "not understood"},
		"repeats the request":   {simserver.Echo(""), "", notYet, "did not finish"},
		"hangs up":              {simserver.HangUp, "", notYet, "without an answer"},
		"silent":                {simserver.Silent, "", notYet, "sent nothing"},
		"tcp: silent":           {simserver.Silent, "#level=tcp", ready, ""},
		"state: leader":         {zookeeperServer(srvr("leader")), "#mode=leader", ready, ""},
		"state: follower":       {zookeeperServer(srvr("follower")), "#mode=leader", notYet, "is follower, not leader"},
		"state: no quorum":      {zookeeperServer(notServing), "#mode=leader", notYet, "not serving requests"},
		"state: cannot be read": {zookeeperServer(unlistedSrv), "#mode=leader", notYet, "does not answer srvr"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "zookeeper://"+serve(t, tt.server)+tt.key, tt.want, tt.text)
		})
	}
}

// TestZookeeperHosts has one server that is ready, and others that are not.
func TestZookeeperHosts(t *testing.T) {
	t.Parallel()
	hosts := strings.Join([]string{
		serve(t, zookeeperServer(notServing)), serve(t, simserver.Silent), serve(t, zookeeperServer(srvr("follower"))),
	}, ",")
	checkVerdict(t, attempt(t, "zk://"+hosts+"/kafka"), ready, "")
	checkVerdict(t, attempt(t, "zookeeper://"+hosts+"#mode=follower"), ready, "")
	check(t, "zookeeper://"+hosts+"#mode=leader", notYet, "")
}

func TestZookeeperURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"zookeeper://":                     "missing host",
		"zookeeper://u:" + secret + "@h":   "remove the user",
		"zookeeper://h?x=" + secret:        `unknown query key "x"`,
		"zookeeper://h#mode=" + secret:     "not leader or follower or observer or standalone",
		"zookeeper://h#level=state":        "level state needs mode",
		"zookeeper://h#level=auth":         "no level auth",
		"zookeeper://h#ca-file=/" + secret: `unknown fragment key "ca-file"`,
	} {
		_, err := probe.Open(raw, probe.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	target := open(t, "zk://a,b:2182/kafka", probe.Options{})
	if got := fmt.Sprint(target.Name, " ", target.Kind, " ", target.Level); got != "zk://a,b:2182/kafka zookeeper proto" {
		t.Error(got)
	}
}

// FuzzZookeeperAnswer sends any bytes for the answer of a server.
func FuzzZookeeperAnswer(f *testing.F) {
	f.Add(srvr("leader"))
	f.Add(notServing)
	f.Add(unlistedSrv)
	f.Fuzz(func(t *testing.T, answer string) {
		err := attemptWithin(t, "zookeeper://"+serve(t, zookeeperServer(answer))+"#mode=leader", 100*time.Millisecond)
		if err == nil && !strings.Contains(answer, "Mode: leader") {
			t.Errorf("ready after %q", answer)
		}
	})
}
