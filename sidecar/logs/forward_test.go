package logs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/faultserver"
	"github.com/inith/inith/internal/testing/fluentserver"
	"github.com/inith/inith/sidecar/logs"
)

// TestResend has a receiver that does not acknowledge: the chunk comes again, with the same ID.
func TestResend(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]fluentserver.Answer{"silent": fluentserver.Silent, "closes": fluentserver.Close, "another chunk": fluentserver.Wrong} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.options.Outputs[0].Timeout = 300 * time.Millisecond
			var chunks []string // guarded by the server, which calls Receive one at a time
			b.server.Receive = func(m fluentserver.Message) fluentserver.Answer {
				if chunks = append(chunks, m.Chunk); len(chunks) < 3 {
					return answer
				}
				return b.receive(m)
			}
			b.write("app.log", "one\n")
			b.start()
			b.want("one")
			b.mustDrain()
			b.server.Stop()
			if len(chunks) != 3 || chunks[0] != chunks[1] || chunks[1] != chunks[2] || len(chunks[0]) != 24 {
				t.Errorf("chunks %q", chunks)
			}
			if got := metric(t, b.c, "inith_logs_resent_chunks_total"); got != 2 {
				t.Errorf("%v chunks were sent again", got)
			}
			b.must(b.server.Start()) // for its cleanup
		})
	}
}

// TestAcknowledgedOutOfOrder has a receiver that acknowledges the second chunk only: the position stays before the first.
func TestAcknowledgedOutOfOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := make(chan string, 10)
	b.server.Receive = func(m fluentserver.Message) fluentserver.Answer {
		line := m.Records[0].Log()
		got <- line
		if line == "one" {
			return fluentserver.Silent
		}
		return fluentserver.Ack
	}
	b.write("app.log", "one\n")
	b.start()
	<-got
	b.write("app.log", "two\n")
	<-got
	b.until("the second chunk is acknowledged", func() bool { return metric(t, b.c, "inith_logs_acknowledged_bytes_total") == 4 })
	b.cancel()
	b.c.Stop()
	err := <-b.ended
	if b.ended = nil; err == nil || !strings.Contains(err.Error(), "undelivered: 8 bytes of 1 files") {
		t.Errorf("got %v", err)
	}
	b.server.Stop()
	b.server.Receive = b.receive
	b.must(b.server.Start())
	b.start()
	b.want("one", "two")
	b.mustDrain()
}

// TestStateIsAcknowledged has one chunk acknowledged after the next was read: the state has the end of the first.
func TestStateIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got, release := make(chan struct{}), make(chan struct{})
	b.server.Receive = func(m fluentserver.Message) fluentserver.Answer {
		if m.Records[0].Log() != "one" {
			return fluentserver.Silent
		}
		close(got)
		<-release
		return b.receive(m)
	}
	b.write("app.log", "one\n")
	b.start()
	<-got
	b.write("app.log", "two\n")
	b.until("both lines are read", func() bool { return metric(t, b.c, "inith_logs_read_bytes_total") == 8 })
	close(release)
	b.until("the first is acknowledged", func() bool { return metric(t, b.c, "inith_logs_acknowledged_bytes_total") == 4 })
	state, err := os.ReadFile(b.path(".inith/logs.state"))
	b.must(err)
	if !strings.Contains(string(state), `"offset":4,`) || strings.Contains(string(state), `"offset":8,`) {
		t.Errorf("got %s, want offset 4", state)
	}
	b.cancel()
	b.c.Stop()
	if err := <-b.ended; err == nil || !strings.Contains(err.Error(), "undelivered: 4 bytes of 1 files") {
		t.Errorf("got %v", err)
	}
	b.ended = nil
	b.server.Stop()
	b.server.Receive = b.receive
	b.must(b.server.Start())
	b.start()
	b.want("one", "two")
	b.mustDrain()
}

// TestNameIsLookedUpAgain moves a receiver to another address.
func TestNameIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, port, err := net.SplitHostPort(b.server.Addr)
	b.must(err)
	moved := &fluentserver.Server{Addr: "127.0.0.2:" + port, Receive: b.receive}
	b.must(moved.Start())
	t.Cleanup(moved.Stop)
	var elsewhere atomic.Bool
	resolver, stop, err := faultserver.StartNames(t.Context(), func(string) []netip.Addr {
		if elsewhere.Load() {
			return []netip.Addr{netip.MustParseAddr("127.0.0.2")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
	b.must(err)
	t.Cleanup(stop)
	b.options.Outputs[0].Addresses = []string{faultserver.OriginName + ":" + port}
	b.prepare = func(c *logs.Collector) { c.Resolve(resolver) }
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	elsewhere.Store(true)
	b.server.Stop()
	b.write("app.log", "two\n")
	b.want("one", "two")
	b.mustDrain()
	if b.server.Accepted.Load() != 1 || moved.Accepted.Load() != 1 {
		t.Errorf("%d connections to the old address and %d to the new one", b.server.Accepted.Load(), moved.Accepted.Load())
	}
	b.must(b.server.Start()) // for its cleanup
}

func TestGzip(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.Outputs[0].Gzip = true
	b.write("app.log", "one\ntwo\n")
	b.start()
	b.want("one", "two")
	b.mustDrain()
	if !b.messages[0].Compressed {
		t.Error("it is not compressed")
	}
}

func TestNoAcknowledgement(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.Outputs[0].NoAck = true
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.mustDrain()
	if b.messages[0].Chunk != "" {
		t.Error("it asks for an acknowledgement")
	}
}

// TestLogin does the handshake with the shared key, and with a user.
func TestLogin(t *testing.T) {
	t.Parallel()
	constant := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	for name, tt := range map[string]struct {
		server  *fluentserver.Server
		key     string
		user    string
		secret  string
		problem string
	}{
		"key":            {server: &fluentserver.Server{SharedKey: "s3cr3t"}, key: "s3cr3t"},
		"user":           {server: &fluentserver.Server{SharedKey: "s3cr3t", User: "u", Password: "p4ss"}, key: "s3cr3t", user: "u", secret: "p4ss"},
		"wrong key":      {server: &fluentserver.Server{SharedKey: "s3cr3t"}, key: "s3cr3t2", problem: "the receiver refuses the login"},
		"wrong password": {server: &fluentserver.Server{SharedKey: "s3cr3t", User: "u", Password: "p4ss"}, key: "s3cr3t", user: "u", secret: "p4ss2", problem: "the receiver refuses the login"},
		"impostor":       {server: &fluentserver.Server{SharedKey: "s3cr3t", WrongPong: true}, key: "s3cr3t", problem: "the receiver does not know the shared key"},
		"no handshake":   {server: &fluentserver.Server{}, key: "s3cr3t", problem: "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := &fluentserver.Server{SharedKey: tt.server.SharedKey, User: tt.server.User, Password: tt.server.Password, WrongPong: tt.server.WrongPong, Receive: b.receive}
			b.must(s.Start())
			t.Cleanup(s.Stop)
			out := &b.options.Outputs[0]
			out.Addresses, out.SharedKey, out.User, out.UserPassword = []string{s.Addr}, constant(tt.key), tt.user, constant(tt.secret)
			if tt.problem == "no answer in time" {
				out.Timeout = 300 * time.Millisecond
			}
			b.write("app.log", "one\n")
			b.start()
			if tt.problem == "" {
				b.want("one")
				b.mustDrain()
			} else {
				b.until("it says why", func() bool { return strings.Contains(b.logged(), tt.problem) })
				b.cancel()
				b.c.Stop()
				if err := <-b.ended; err == nil {
					t.Error("it was delivered")
				}
				b.ended = nil
			}
			for _, secret := range []string{"s3cr3t", "p4ss"} {
				if strings.Contains(b.logged(), secret) {
					t.Errorf("the log shows a secret:\n%s", b.logged())
				}
			}
		})
	}
}

// TestTLS trusts the authority of the receiver, or not.
func TestTLS(t *testing.T) {
	t.Parallel()
	certified := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(certified.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certified.Certificate())
	for name, tt := range map[string]struct {
		client  *logs.TLS
		plain   bool // the server has no TLS
		problem string
	}{
		"trusted":     {client: &logs.TLS{CAFile: ca}},
		"not checked": {client: &logs.TLS{SkipVerify: true}},
		"not trusted": {client: &logs.TLS{}, problem: "unknown authority"},
		"other name":  {client: &logs.TLS{CAFile: ca, ServerName: "elsewhere.example.org"}, problem: "the certificate is not for this name"},
		"without TLS": {client: &logs.TLS{CAFile: ca}, plain: true, problem: "not delivered"},
		"no client":   {client: nil, problem: "not delivered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := &fluentserver.Server{Receive: b.receive}
			if !tt.plain {
				s.TLS = &tls.Config{Certificates: certified.TLS.Certificates}
			}
			b.must(s.Start())
			t.Cleanup(s.Stop)
			b.options.Outputs[0].Addresses, b.options.Outputs[0].TLS = []string{s.Addr}, tt.client
			b.options.Outputs[0].Timeout = 5 * time.Second
			b.write("app.log", "one\n")
			b.start()
			if tt.problem == "" {
				b.want("one")
				b.mustDrain()
				return
			}
			b.until("it says why", func() bool { return strings.Contains(b.logged(), tt.problem) })
		})
	}
}

// TestFailover has two receivers, of which each is away once.
func TestFailover(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := &fluentserver.Server{Receive: b.receive}
	b.must(first.Start())
	b.options.Outputs[0].Addresses = []string{first.Addr, b.server.Addr}
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	if first.Accepted.Load() != 1 || b.server.Accepted.Load() != 0 {
		t.Error("the first receiver was not preferred")
	}
	first.Stop()
	b.write("app.log", "two\n")
	b.want("one", "two")
	if b.server.Accepted.Load() == 0 {
		t.Error("the second receiver was not used")
	}
	b.must(first.Start())
	t.Cleanup(first.Stop)
	b.server.Stop()
	b.write("app.log", "three\n")
	b.want("one", "two", "three")
	b.mustDrain()
	if first.Accepted.Load() != 2 {
		t.Error("it has not come back to the first receiver")
	}
	b.must(b.server.Start()) // for its cleanup
}

// TestLines writes to a file instead of a receiver, which is renamed meanwhile.
func TestLines(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	out := filepath.Join(t.TempDir(), "out.jsonl")
	b.options.Outputs = append(b.options.Outputs, logs.Output{Kind: logs.File, Path: out}, logs.Output{Kind: logs.Null})
	b.write("app.log", "one \"quoted\" \xff\n")
	b.start()
	b.want("one \"quoted\" \xff")
	b.until("the line is in the file", func() bool { _, err := os.Stat(out); return err == nil })
	b.must(os.Rename(out, out+".1"))
	b.write("app.log", "two\n")
	b.until("the second line is in a new file", func() bool { _, err := os.Stat(out); return err == nil })
	b.mustDrain()
	first, err := os.ReadFile(out + ".1")
	b.must(err)
	if !strings.Contains(string(first), `"record":{"log":"one \"quoted\" `) || !strings.HasPrefix(string(first), `{"time":"2`) {
		t.Errorf("got %s", first)
	}
}

// TestRoutes has outputs for some tags only.
func TestRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.Inputs[0].Tag = "a.*"
	b.options.Outputs[0].Match = "a.*.wanted.log"
	b.write("un.log", "no\n")
	b.write("un.wanted.log", "yes\n")
	b.start()
	b.want("yes")
	b.until("it says so", func() bool { return strings.Contains(b.logged(), "not read: no output matches the tag") })
	b.mustDrain()
	b.want("yes")
}

// TestOptions has options that cannot be right.
func TestOptions(t *testing.T) {
	t.Parallel()
	good := func() logs.Options {
		return logs.Options{
			Inputs:  []logs.Input{{Paths: []string{"/logs/*.log"}, Tag: "t"}},
			Outputs: []logs.Output{{Kind: logs.Forward, Addresses: []string{"h:1"}}},
		}
	}
	for want, change := range map[string]func(o *logs.Options){
		"want a tag":                func(o *logs.Options) { o.Inputs[0].Tag = "" },
		"want a path":               func(o *logs.Options) { o.Inputs[0].Paths = nil },
		"want a pattern":            func(o *logs.Options) { o.Inputs[0].Paths = []string{"/logs/[.log"} },
		"want split, cut or skip":   func(o *logs.Options) { o.Inputs[0].LongLines = "drop" },
		"want 16B to 16MiB":         func(o *logs.Options) { o.Inputs[0].LineLimit = 1 },
		"want python, java, go":     func(o *logs.Options) { o.Inputs[0].Multiline = "(" },
		"(did you mean \"python\"":  func(o *logs.Options) { o.Inputs[0].Multiline = "pyhton" },
		"a regular expression that": func(o *logs.Options) { o.Inputs[0].Multiline = "ruby" },
		"has no group \"time\"":     func(o *logs.Options) { o.Inputs[0].Parse, o.Inputs[0].TimeKey = "(?P<when>.)", "time" },
		"want json or a":            func(o *logs.Options) { o.Inputs[0].Parse = "no groups" },
		"needs lines that are":      func(o *logs.Options) { o.Inputs[0].TimeKey = "time" },
		"want rfc3339":              func(o *logs.Options) { o.Inputs[0].TimeForm = "%Q" },
		"the same name":             func(o *logs.Options) { o.Inputs[0].PathKey = "log" },
		"want the address":          func(o *logs.Options) { o.Outputs[0].Addresses = nil },
		"want host:port":            func(o *logs.Options) { o.Outputs[0].Addresses = []string{"h"} },
		"a user needs":              func(o *logs.Options) { o.Outputs[0].User = "u" },
		"need each other":           func(o *logs.Options) { o.Outputs[0].TLS = &logs.TLS{CertFile: "c"} },
		"want forward, stdout":      func(o *logs.Options) { o.Outputs[0].Kind = "kafka" },
	} {
		o := good()
		change(&o)
		if _, err := logs.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := logs.New(good()); err != nil {
		t.Error(err)
	}
}

// TestState is what a restart knows: neither lines nor secrets, and only of files that are followed.
func TestState(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("app.log", "s3cr3t\n")
	b.start()
	b.want("s3cr3t")
	b.mustDrain()
	state, err := os.ReadFile(b.path(".inith/logs.state"))
	b.must(err)
	if strings.Contains(string(state), "s3cr3t") || !strings.Contains(string(state), `"offset":7`) {
		t.Errorf("got %s", state)
	}
	lines := slices.Collect(strings.Lines(string(state)))
	b.must(os.WriteFile(b.path(".inith/logs.state"), []byte(strings.Join(lines, "")+`{"dev":1,"in`), 0o600)) // torn
	b.start()
	b.write("app.log", "two\n")
	b.want("s3cr3t", "two")
	b.mustDrain()
	b.must(os.WriteFile(b.path(".inith/logs.state"), []byte("nonsense\n"), 0o600))
	c, err := logs.New(b.options)
	b.must(err)
	if err := c.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "remove it to begin again") {
		t.Errorf("got %v", err)
	}
}
