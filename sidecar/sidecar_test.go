package sidecar_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/sidecar"
)

// A fake is a service whose parts a test gives.
type fake struct {
	serve func(ctx context.Context) error
	ready func() error
	stop  func()
}

func (f *fake) Serve(ctx context.Context) error { return f.serve(ctx) }

func (f *fake) Ready() error {
	if f.ready == nil {
		return nil
	}
	return f.ready()
}

func (f *fake) Stop() {
	if f.stop != nil {
		f.stop()
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := sidecar.Runner{Service: &fake{serve: func(context.Context) error { return broken }}}
	if err := r.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	r.Service = &fake{serve: func(context.Context) error { return nil }}
	if err := r.Run(t.Context()); err == nil {
		t.Error("a service may end by itself")
	}
	r.Service = &fake{serve: func(context.Context) error { panic("s3cr3t") }}
	err := r.Run(t.Context())
	if _, ok := errors.AsType[*crash.Error](err); !ok || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("got %v, want a crash", err)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	left := errors.New("3 records were not delivered")
	again := errors.New("received SIGTERM again")
	for name, tt := range map[string]struct {
		drains time.Duration // of the service
		stops  bool          // the service returns left when it is stopped
		abort  time.Duration
		want   error
		after  time.Duration
	}{
		"at once":      {want: nil},
		"in time":      {drains: 24 * time.Second, want: nil, after: 24 * time.Second},
		"too late":     {drains: time.Minute, stops: true, want: left, after: 25 * time.Second},
		"second":       {drains: time.Minute, abort: 3 * time.Second, want: again, after: 3 * time.Second},
		"while forced": {drains: time.Minute, abort: 26 * time.Second, want: again, after: 26 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stopped, abort := make(chan struct{}), make(chan error, 1)
				s := &fake{serve: func(ctx context.Context) error {
					<-ctx.Done()
					select {
					case <-time.After(tt.drains):
						return nil
					case <-stopped:
						return left
					}
				}, stop: func() {
					if tt.stops {
						close(stopped)
					}
				}}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Hour, cancel)
				if tt.abort > 0 {
					time.AfterFunc(time.Hour+tt.abort, func() { abort <- again })
				}
				start := time.Now()
				err := (&sidecar.Runner{Service: s, DrainTimeout: 25 * time.Second, Abort: abort}).Run(ctx)
				if got := time.Since(start) - time.Hour; !errors.Is(err, tt.want) || got != tt.after {
					t.Errorf("got %v after %v, want %v after %v", err, got, tt.want, tt.after)
				}
				time.Sleep(time.Hour) // for what an abort leaves behind
			})
		})
	}
}

// TestDeafService has a service that does not return when it is stopped.
func TestDeafService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deaf := make(chan struct{})
		s := &fake{serve: func(context.Context) error { <-deaf; return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := (&sidecar.Runner{Service: s, DrainTimeout: time.Second}).Run(ctx)
		if err == nil || err.Error() != "the drain was not complete after 1s" {
			t.Errorf("got %v", err)
		}
		close(deaf)
	})
}

func TestOpsPort(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "inith_test_total", Help: "x"}, func() float64 { return 42 }))
	notReady := errors.New("the log cannot be written")
	draining := make(chan struct{})
	s := &fake{ready: func() error { return notReady }, serve: func(ctx context.Context) error { <-ctx.Done(); <-draining; return nil }}
	address := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&sidecar.Runner{Service: s, Ops: address, Gatherer: registry}).Run(ctx) }()
	expect(t, address, "/healthz", http.StatusOK, "ok")
	expect(t, address, "/readyz", http.StatusServiceUnavailable, "the log cannot be written")
	expect(t, address, "/metrics", http.StatusOK, "inith_test_total 42")
	cancel()
	expect(t, address, "/readyz", http.StatusServiceUnavailable, "draining")
	expect(t, address, "/healthz", http.StatusOK, "ok")
	close(draining)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOpsPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	err = (&sidecar.Runner{Service: &fake{}, Ops: l.Addr().String()}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the port is in use") {
		t.Errorf("got %v", err)
	}
}

// freePort returns an address where nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// expect asks until the answer is as wanted.
func expect(t *testing.T, address, path string, status int, text string) {
	t.Helper()
	var last string
	for range 3000 {
		resp, err := http.Get("http://" + address + path)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == status && strings.Contains(string(body), text) {
				return
			}
			last = resp.Status + " " + string(body)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: got %s, want %d %s", path, last, status, text)
}
