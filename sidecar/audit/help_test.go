package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/audit"
)

// A running proxy is one that a test has started.
type running struct {
	address string
	log     string // path
	proxy   *audit.Proxy
	cancel  context.CancelFunc
	done    chan error
	err     error
	ended   bool
}

// start starts a proxy before an application.
func start(tb testing.TB, upstream string, change func(*audit.Options)) *running {
	tb.Helper()
	o := audit.Options{Listen: freePort(tb), Upstream: upstream, Log: audit.Log{Path: filepath.Join(tb.TempDir(), "requests.jsonl")}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	p, err := audit.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	r := &running{address: o.Listen, log: o.Log.Path, proxy: p, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- p.Serve(ctx) }()
	tb.Cleanup(func() { p.Stop(); _ = r.stop() })
	for range 6000 {
		if p.Ready() == nil {
			return r
		}
		if err := p.Ready(); err.Error() != "not listening" {
			return r // as a test wants it
		}
		select {
		case r.err = <-r.done:
			r.ended = true
			tb.Fatalf("the proxy has ended: %v", r.err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	tb.Fatal("the proxy does not listen")
	return nil
}

// stop drains the proxy, and returns what Serve returned.
func (r *running) stop() error {
	if !r.ended {
		r.cancel()
		r.err = <-r.done
		r.ended = true
	}
	return r.err
}

// exchanges stops the proxy and returns the records of exchanges. The log must verify.
func (r *running) exchanges(t *testing.T) []record {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Errorf("the proxy: %v", err)
	}
	if report, err := audit.Verify([]string{r.log}, nil); err != nil || !report.Closed {
		t.Errorf("verify: %+v, %v", report, err)
	}
	return recordsOf(t, r.log, "exchange")
}

// A record is what tests look at.
type record struct {
	Seq                                                  int64
	Event, Level, ID, User, Method, Path, Query, Outcome string
	Error, Protocol, Client, Upgrade                     string
	TraceID                                              string `json:"trace_id"`
	Status                                               int
	Request, Response                                    side
	FirstByteMS, TokenMS, TotalMS                        float64
	Redacted                                             map[string]int
	Pod                                                  map[string]string
	GenAI                                                struct {
		Request, Response struct{ Model string }
		Usage             struct {
			InputTokens  int64 `json:"input_tokens"`
			OutputTokens int64 `json:"output_tokens"`
			Missing      string
		}
	} `json:"gen_ai"`
}

type side struct {
	Bytes              int64
	SHA256             string
	Incomplete         bool
	ContentType        string `json:"content_type"`
	Headers            map[string]string
	Body               json.RawMessage
	Truncated, Omitted string
}

func recordsOf(t *testing.T, path, event string) []record {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if r.Event == event {
			all = append(all, r)
		}
	}
	return all
}

// application starts a server of HTTP/1.1 and of HTTP/2 without TLS.
func application(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.DisableGeneralOptionsHandler = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// freePort returns an address where nothing listens.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
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

// only returns the only record.
func only(t *testing.T, all []record) record {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d records, want one: %+v", len(all), all)
	}
	return all[0]
}
