// Package apiuser_test uses the packages of inith as a program does that is no part of it.
package apiuser_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/lint"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/sidecar"
	"github.com/inith/inith/sidecar/audit"
	"github.com/inith/inith/tasks/files"
	"github.com/inith/inith/tasks/install"
	"github.com/inith/inith/tasks/migrate"
	"github.com/inith/inith/tasks/plan"
	"github.com/inith/inith/tasks/render"
	"github.com/inith/inith/tasks/validate"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProbe(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	target, err := probe.Open("tcp://"+l.Addr().String(), probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&probe.Waiter{}).Wait(t.Context(), target); err != nil {
		t.Error(err)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("model")) }))
	t.Cleanup(server.Close)
	from, err := url.Parse(server.URL + "/model.bin")
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "model.bin")
	transfer, err := (&fetch.Fetcher{}).Open(fetch.File{URL: from, Dest: dest})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(dest); string(got) != "model" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A lower is a check of somebody else's.
type lower struct{ key validate.Path }

func (l lower) Check(_ context.Context, in validate.Input) ([]validate.Problem, error) {
	value, ok := in.Find(l.key)
	if !ok || strings.ToLower(value.Text()) == value.Text() {
		return nil, nil
	}
	line, column := value.Position()
	return []validate.Problem{{Path: in.Path, Line: line, Column: column, Rule: "lower", Message: l.key.String() + " has capitals"}}, nil
}

func TestValidate(t *testing.T) {
	t.Parallel()
	key, err := validate.ParsePath("server.name")
	if err != nil {
		t.Fatal(err)
	}
	port, err := validate.ParseAssertion("server.port in 1..65535")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "app.yaml", "server:\n  name: Main\n  port: 0\n")
	v := validate.Validator{Rules: validate.Rules{Files: []validate.FileRule{{
		Path: file, Format: validate.YAML,
		Checks: []validate.Check{validate.Require{Keys: []validate.Path{key}}, lower{key}, validate.Assert{Assertions: []validate.Assertion{port}}},
	}}}}
	report, err := v.Run(t.Context())
	if err != nil || len(report.Findings) != 2 || report.Findings[0].Line != 2 || report.Findings[1].Rule != "assertion" {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := &render.Renderer{Env: []string{"NAME=inith"}, Stdout: &out}
	job, err := r.Open(t.Context(), write(t, "a.tmpl", "name: {{ .Env.NAME }}\n"), "-")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Run(t.Context()); err != nil || out.String() != "name: inith\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	_, err = r.Open(t.Context(), write(t, "b.tmpl", "\n{{ nonsense }}\n"), "-")
	if e, ok := errors.AsType[*render.Error](err); !ok || e.Line != 2 || e.Column != 4 {
		t.Errorf("got %+v", err)
	}
}

type stepFunc func(ctx context.Context) error

func (f stepFunc) Run(ctx context.Context) error { return f(ctx) }

func TestPlan(t *testing.T) {
	t.Parallel()
	nothing := stepFunc(func(context.Context) error { return nil })
	nodes := []plan.Node{{Name: "a", Step: nothing}, {Name: "b", Needs: []string{"a"}, Step: nothing}}
	if problems := plan.Check(nodes); len(problems) > 0 {
		t.Fatal(problems)
	}
	report, err := (&plan.Plan{Name: "p", Nodes: nodes}).Run(t.Context())
	if err != nil || report.State() != plan.Done || len(report.SVG()) == 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestOtherTasks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := files.Run(t.Context(), []files.Action{{Mkdir: filepath.Join(dir, "a")}}); err != nil {
		t.Error(err)
	}
	if _, err := install.Install(t.Context(), write(t, "binary", "x"), dir, "inith"); err != nil {
		t.Error(err)
	}
	locker, _, err := migrate.Open("file://"+filepath.Join(dir, "lock"), migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := locker.Try(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	const pod = `apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  initContainers:
  - {name: wait, image: "busybox:1.36", command: [sh, -c, "until nc -z db 5432; do sleep 1; done"]}
  containers:
  - {name: agent, image: "agent:v1"}
`
	report := lint.Linter{Only: []string{"I2"}}.Lint(lint.File{Path: "pod.yaml", Data: []byte(pod)})
	if report.Pods != 1 || len(report.Findings) != 1 || report.Worst() != lint.Warning || !strings.Contains(report.Findings[0].Fix, "args: [wait, db:5432]") {
		t.Errorf("%+v", report)
	}
}

// TestSidecar serves the audit proxy as `inith sidecar audit` does.
func TestSidecar(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("answer")) }))
	t.Cleanup(app.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, log := l.Addr().String(), filepath.Join(t.TempDir(), "requests.jsonl")
	_ = l.Close()
	rule, err := audit.ParseRule("none path=/healthz")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := audit.New(audit.Options{
		Listen: address, Upstream: app.Listener.Addr().String(), Log: audit.Log{Path: log}, Record: audit.Recording{Rules: []audit.Rule{rule}},
	})
	if err != nil {
		t.Fatal(err)
	}
	runner := sidecar.Runner{Service: proxy, Gatherer: proxy.Gatherer()}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	target, err := probe.Open("http://"+address+"/v1/models", probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&probe.Waiter{}).Wait(t.Context(), target); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if report, err := audit.Verify([]string{log}, nil); err != nil || report.Records != 3 || !report.Closed {
		t.Errorf("%+v, %v", report, err)
	}
}
