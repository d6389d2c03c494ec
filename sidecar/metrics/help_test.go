package metrics_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/metrics"
)

// A running server is one that a test has started.
type running struct {
	metrics.Options

	server *metrics.Server
	cancel context.CancelFunc
	done   chan error
	err    error
	ended  bool
}

// all are the dialects that are on unless somebody turns them off.
func all() metrics.Dialects {
	return metrics.Dialects{DogStatsD: true, InfluxDB: true, Librato: true, SignalFX: true}
}

// start starts a server on loopback.
func start(t *testing.T, change func(*metrics.Options)) *running {
	t.Helper()
	o := metrics.Options{
		ListenUDP: freePort(t), ListenTCP: freePort(t), ListenUnixgram: filepath.Join(t.TempDir(), "s"), Dialects: all(),
		Mapping: metrics.Mapping{CacheSize: 1000}, Web: metrics.Web{Listen: freePort(t), Lifecycle: true},
	}
	if change != nil {
		change(&o)
	}
	s, err := metrics.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{Options: o, server: s, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Serve(ctx) }()
	t.Cleanup(func() { _ = r.stop() })
	eventually(t, "ready", func() bool {
		select {
		case err := <-r.done:
			r.err, r.ended = err, true
			t.Fatalf("the server has ended: %v", err)
		default:
		}
		return s.Ready() == nil
	})
	return r
}

// stop drains the server, and returns what Serve returned.
func (r *running) stop() error {
	if !r.ended {
		r.cancel()
		r.err = <-r.done
		r.ended = true
	}
	return r.err
}

// send sends a packet over UDP.
func (r *running) send(t *testing.T, packets ...string) {
	t.Helper()
	sendTo(t, "udp", r.ListenUDP, packets...)
}

func sendTo(t *testing.T, network, address string, packets ...string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, p := range packets {
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// get returns the answer to a request.
func (r *running) get(t *testing.T, path string) (status int, text string) {
	t.Helper()
	resp, err := http.Get("http://" + r.Web.Listen + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// post returns the status and the text of the answer to a POST.
func (r *running) post(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Post("http://"+r.Web.Listen+path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// has reports whether a line of the metrics is as wanted.
func (r *running) has(t *testing.T, line string) bool {
	t.Helper()
	status, text := r.get(t, "/metrics")
	return status == http.StatusOK && strings.Contains("\n"+text, "\n"+line+"\n")
}

// expect scrapes until all lines are as wanted.
func (r *running) expect(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		eventually(t, line, func() bool { return r.has(t, line) })
	}
}

// lacks fails if the metrics have a text.
func (r *running) lacks(t *testing.T, texts ...string) {
	t.Helper()
	_, all := r.get(t, "/metrics")
	for _, text := range texts {
		if strings.Contains(all, text) {
			t.Errorf("the metrics have %s", text)
		}
	}
}

// freePort returns an address where nothing listens, over UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		u, err := net.ListenPacket("udp", address)
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what + ": it never became so")
}

// write writes a file.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
