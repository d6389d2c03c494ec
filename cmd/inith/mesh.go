package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/probe"
)

// A meshProxy is the proxy that a service mesh puts beside the application.
type meshProxy struct {
	name        string
	ready, quit string // URLs: of a GET, and of a POST that ends it
}

// meshProxies is the table of service meshes.
func meshProxies() []meshProxy {
	return []meshProxy{
		{ // https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/ and https://istio.io/latest/docs/reference/commands/pilot-agent/
			name: "istio", ready: "http://127.0.0.1:15021/healthz/ready", quit: "http://127.0.0.1:15020/quitquitquit",
		},
		{ // https://linkerd.io/2-edge/tasks/graceful-shutdown/
			name: "linkerd", ready: "http://127.0.0.1:4191/ready", quit: "http://127.0.0.1:4191/shutdown",
		},
	}
}

// meshNames are the values of --mesh.
func meshNames() []string {
	names := []string{"auto"}
	for _, m := range meshProxies() {
		names = append(names, m.name)
	}
	return names
}

func meshOption() option.Option[*waitOptions] {
	return option.Option[*waitOptions]{
		Flag: "mesh", Key: option.NoKey, Choices: meshNames(),
		Usage: "wait for the proxy of this service `MESH` first: auto, istio or linkerd; with --init, end it after CMD",
		Set:   option.ToString(func(o *waitOptions) *string { return &o.mesh }),
	}
}

const (
	meshSearch  = 5 * time.Second // until auto takes it that there is no mesh
	meshAttempt = time.Second     // of a request
	meshQuit    = 5 * time.Second // for the proxy to accept that it ends
)

// A mesh is what is known of the mesh of this Pod. It implements [probe.Prober]: it is ready when the proxy is.
type mesh struct {
	proxies []meshProxy // that it may be
	auto    bool        // there may be none
	dialer  *probe.Dialer
	log     *slog.Logger

	start time.Time
	found *meshProxy
}

// newMesh returns the mesh of a name, and the target that waits for it.
func newMesh(name string, log *slog.Logger) (*mesh, *probe.Target) {
	m := &mesh{auto: name == "auto", dialer: &probe.Dialer{}, log: log}
	for _, p := range meshProxies() {
		if m.auto || p.name == name {
			m.proxies = append(m.proxies, p)
		}
	}
	return m, probe.NewTarget("mesh "+name, probe.LevelState, m, m.dialer)
}

// Probe asks each proxy that it may be. Where none runs, there is no mesh after a while.
func (m *mesh) Probe(ctx context.Context) error {
	if m.start.IsZero() {
		m.start = time.Now()
	}
	client := &http.Client{Timeout: meshAttempt, Transport: &http.Transport{DialContext: m.dialer.DialContext, DisableKeepAlives: true}}
	var refused error
	for _, p := range m.proxies {
		status, err := ask(ctx, client, http.MethodGet, p.ready)
		switch {
		case err != nil:
			refused = err
		case status == http.StatusOK:
			m.found = &p
			return nil
		default:
			return probe.NotYet(fmt.Sprintf("the proxy of %s is not ready (status %d)", p.name, status), "see the log of the proxy: kubectl logs POD -c "+p.name+"-proxy")
		}
	}
	if m.auto && time.Since(m.start) >= meshSearch {
		m.log.InfoContext(ctx, "no service mesh found")
		return nil
	}
	if m.auto {
		return probe.NotYet("no proxy of a service mesh runs (yet)", "")
	}
	return refused
}

// end tells the proxy to end, so that the Pod of a Job can end, too. What CMD has returned counts, whatever the proxy does.
func (m *mesh) end() {
	if m.found == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), meshQuit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	status, err := ask(ctx, client, http.MethodPost, m.found.quit)
	switch {
	case err != nil:
		m.log.WarnContext(ctx, "the proxy was not reached to end it", "mesh", m.found.name)
	case status != http.StatusOK:
		m.log.WarnContext(ctx, "the proxy does not end", "mesh", m.found.name, "status", status)
	}
}

// ask makes a request, and returns the status of the answer.
func ask(ctx context.Context, client *http.Client, method, url string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode, nil
}
