package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/inith/inith/internal/usererr"
)

// ops is the port for probes and metrics.
type ops struct {
	draining atomic.Bool
	failed   chan error // why the port no longer answers
	server   *http.Server
	wg       sync.WaitGroup
}

// openOps listens on the ops port, unless the runner has none.
func openOps(ctx context.Context, r *Runner) (*ops, error) {
	o := &ops{failed: make(chan error, 1)}
	if r.Ops == "" {
		return o, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.Ops)
	if err != nil {
		return nil, usererr.Listen("ops port", r.Ops, err)
	}
	o.server = &http.Server{Handler: o.handler(r), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	r.log().InfoContext(ctx, "ops port", "address", l.Addr().String())
	o.wg.Go(func() {
		if err := o.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.failed <- fmt.Errorf("ops port: %w", err)
		}
	})
	return o, nil
}

func (o *ops) close() {
	if o.server == nil {
		return
	}
	_ = o.server.Close()
	o.wg.Wait()
}

func (o *ops) handler(r *Runner) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if o.draining.Load() {
			answer(w, errors.New("draining"))
			return
		}
		answer(w, r.ready())
	})
	if r.Gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(r.Gatherer, promhttp.HandlerOpts{}))
	}
	return mux
}

// answer writes the outcome of a probe.
func answer(w http.ResponseWriter, err error) {
	text := "ok\n"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		text = err.Error() + "\n"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text)
}
