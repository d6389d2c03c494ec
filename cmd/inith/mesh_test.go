package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/probe"
)

// proxyAt returns a proxy whose endpoints are those of a server.
func proxyAt(url string) meshProxy {
	return meshProxy{name: "istio", ready: url + "/healthz/ready", quit: url + "/quitquitquit"}
}

func meshOf(auto bool, log *strings.Builder, proxies ...meshProxy) *mesh {
	return &mesh{proxies: proxies, auto: auto, dialer: &probe.Dialer{}, log: slog.New(slog.NewTextHandler(log, nil))}
}

// attempt makes one attempt by a target, as wait does.
func (m *mesh) attempt(t *testing.T) error {
	t.Helper()
	return probe.NewTarget("mesh", probe.LevelState, m, m.dialer).Probe(t.Context())
}

// TestMesh waits for a proxy, and ends it by a POST.
func TestMesh(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/quitquitquit":
			posts.Add(1)
		case r.URL.Path != "/healthz/ready" || !up.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	var log strings.Builder
	m := meshOf(true, &log, proxyAt(gone.URL), proxyAt(server.URL)) // the first one does not run
	if err := m.attempt(t); err == nil || err.Error() != "the proxy of istio is not ready (status 503)" || usererr.Hint(err) == "" {
		t.Errorf("not ready: %v", err)
	}
	m.end()
	if posts.Load() != 0 {
		t.Error("a proxy was ended that was never found")
	}
	up.Store(true)
	if err := m.attempt(t); err != nil {
		t.Errorf("ready: %v", err)
	}
	m.end()
	if posts.Load() != 1 || log.Len() > 0 {
		t.Errorf("%d requests to quit, want 1; logged %s", posts.Load(), &log)
	}
	server.Close()
	m.end()
	if !strings.Contains(log.String(), "the proxy was not reached") {
		t.Errorf("logged %q", &log)
	}
}

// TestNoMesh goes on without one only if none was named.
func TestNoMesh(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	var log strings.Builder
	named := meshOf(false, &log, proxyAt(gone.URL))
	named.start = time.Now().Add(-time.Hour)
	if err := named.attempt(t); err == nil || err.Error() != "connection refused" {
		t.Errorf("named: %v", err)
	}
	auto := meshOf(true, &log, proxyAt(gone.URL))
	if err := auto.attempt(t); err == nil || err.Error() != "no proxy of a service mesh runs (yet)" {
		t.Errorf("auto, at first: %v", err)
	}
	auto.start = time.Now().Add(-meshSearch)
	if err := auto.attempt(t); err != nil || auto.found != nil || !strings.Contains(log.String(), "no service mesh found") {
		t.Errorf("auto, after a while: %v, %s", err, &log)
	}
}

// TestMeshComesFirst asks no target before the proxy is ready.
func TestMeshComesFirst(t *testing.T) {
	t.Parallel()
	var up, early atomic.Bool
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/target":
			early.Store(early.Load() || !up.Load())
		case asked.Add(1) < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			up.Store(true)
		}
	}))
	defer server.Close()
	s := session{}
	s.Log = slog.New(slog.DiscardHandler)
	w, err := openWait(s, &waitOptions{targets: []string{server.URL + "/target"}, mesh: "istio", attemptTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	w.mesh.proxies = []meshProxy{proxyAt(server.URL)}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("a minute has passed"))
	defer cancel()
	if err := w.Run(ctx); err != nil || early.Load() {
		t.Errorf("%v; a target was asked before the proxy was ready: %t", err, early.Load())
	}
}
