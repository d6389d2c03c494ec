package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // what net/http wants
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/inith/inith/internal/usererr"
)

// web serves the metrics, and answers probes.
type web struct {
	listener net.Listener
	server   *http.Server
	wg       sync.WaitGroup
}

func (s *Server) listenWeb(ctx context.Context) (*web, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.o.Web.Listen)
	if err != nil {
		return nil, usererr.Listen("web address", s.o.Web.Listen, err)
	}
	s.o.Logger.InfoContext(ctx, "serving metrics", "address", l.Addr().String(), "path", s.o.Web.Path)
	return &web{listener: l, server: &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 3 * time.Minute, MaxHeaderBytes: 16 << 10,
		WriteTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}}, nil
}

// serve serves until close. If that ends earlier, it ends the server.
func (w *web) serve(end context.CancelCauseFunc) {
	w.wg.Go(func() {
		if err := w.server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			end(&failure{fmt.Errorf("web address: %w", err)})
		}
	})
}

// closeTime is how long answers that have begun may take at the end.
const closeTime = 2 * time.Second

func (w *web) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	_ = w.server.Shutdown(ctx)
	_ = w.server.Close()
	_ = w.listener.Close() // if it was never served
	w.wg.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(s.o.Web.Path, s.metricsHandler())
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { answer(w, "Statsd Exporter is Healthy.\n", nil) })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { answer(w, "Statsd Exporter is Ready.\n", s.Ready()) })
	if s.o.Web.Path != "/" {
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, "inith sidecar metrics: see "+s.o.Web.Path+"\n", nil)
		})
	}
	if s.o.Web.Lifecycle {
		s.handleLifecycle(mux)
	}
	return mux
}

// metricsHandler serves what can be served even if something in it is inconsistent, so that one sender cannot hide the
// metrics of all.
func (s *Server) metricsHandler() http.Handler {
	metrics := promhttp.InstrumentMetricHandler(s.self.registry, promhttp.HandlerFor(s.self.registry, promhttp.HandlerOpts{
		Registry: s.self.registry, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 10, EnableOpenMetrics: true,
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := s.state.Load() == drained
		metrics.ServeHTTP(w, r)
		if last && r.Method == http.MethodGet {
			select {
			case s.scraped <- struct{}{}:
			default:
			}
		}
	})
}

// handleLifecycle adds what an administrator may ask for.
func (s *Server) handleLifecycle(mux *http.ServeMux) {
	reload := func(w http.ResponseWriter, r *http.Request) {
		answer(w, "Requesting reload", s.mappings.reload(r.Context(), "/-/reload"))
	}
	quit := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "Requesting termination... Goodbye!", nil)
		if s.o.Quit != nil {
			s.o.Quit()
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		mux.HandleFunc(method+" /-/reload", reload)
		mux.HandleFunc(method+" /-/quit", quit)
	}
}

// answer writes a text, or why there is none.
func answer(w http.ResponseWriter, text string, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		text = err.Error() + "\n"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text)
}
