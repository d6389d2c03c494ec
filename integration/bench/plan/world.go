package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A world is what a run of a shape needs: a folder with the plan and the script, and
// servers that keep the times of its steps.
type world struct {
	folder, plan, script string

	opens []opening

	mu    sync.Mutex
	stops []func()
}

// An opening is a port that opens a while after the run has begun.
type opening struct {
	address string
	after   time.Duration
}

// newWorld writes the plan and the script of a shape.
func (s shape) newWorld(ctx context.Context) (*world, error) {
	folder, err := os.MkdirTemp("", "inith-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{folder: folder, plan: filepath.Join(folder, "plan.yaml"), script: filepath.Join(folder, "chain.sh")}
	w.atEnd(func() { _ = os.RemoveAll(folder) })
	var plan, script strings.Builder
	plan.WriteString("steps:\n")
	for _, step := range s.steps {
		work, command, err := w.step(ctx, step)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&plan, "- {name: %s, needs: [%s], %s}\n", step.name, strings.Join(step.needs, ", "), work)
		script.WriteString(command + "\n")
	}
	for path, text := range map[string]string{w.plan: plan.String(), w.script: script.String(), filepath.Join(folder, "template"): "a: {{ .Env.PATH | quote }}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// step returns the work of a step in a plan, and as a command.
func (w *world) step(ctx context.Context, s step) (work, command string, err error) {
	sleep := fmt.Sprintf("sleep %.3f", s.takes.Seconds())
	switch s.kind {
	case "wait":
		address, err := freeAddress(ctx)
		if err != nil {
			return "", "", err
		}
		w.opens = append(w.opens, opening{address, s.takes})
		host, port, _ := net.SplitHostPort(address)
		return fmt.Sprintf("wait: {targets: [%q]}", "tcp://"+address+"#settle=0s"), fmt.Sprintf("until nc -z %s %s; do sleep 0.1; done", host, port), nil
	case "fetch":
		url, err := w.serve(ctx, s.takes)
		return fmt.Sprintf("fetch: {url: %q, to: model}", url), "curl -fsS -o model " + url, err
	case "migrate":
		return fmt.Sprintf("migrate: {lock: \"file://%s/lock\", command: [%s]}", w.folder, strings.ReplaceAll(sleep, " ", ", \"")+"\""), sleep, nil
	case "render":
		return "render: {src: template, to: config}", "sed s/a/b/ template >config", nil
	default:
		return fmt.Sprintf("exec: [%s]", strings.ReplaceAll(sleep, " ", ", \"")+"\""), sleep, nil
	}
}

func freeAddress(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// serve starts a server that answers after a time.
func (w *world) serve(ctx context.Context, after time.Duration) (url string, err error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
		case <-r.Context().Done():
		}
		http.ServeContent(rw, r, "model.bin", time.Unix(1, 0), strings.NewReader(strings.Repeat("model\n", 10000)))
	})}
	go func() { _ = server.Serve(l) }()
	w.atEnd(func() { _ = server.Close() })
	return "http://" + l.Addr().String() + "/model.bin", nil
}

// begin starts the time of the ports.
func (w *world) begin() {
	for _, o := range w.opens {
		timer := time.AfterFunc(o.after, func() {
			l, err := net.Listen("tcp", o.address) //nolint:noctx // the timer has none
			if err != nil {
				return
			}
			w.atEnd(func() { _ = l.Close() })
			for {
				if _, err := l.Accept(); err != nil {
					return
				}
			}
		})
		w.atEnd(func() { timer.Stop() })
	}
}

func (w *world) atEnd(stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stops = append(w.stops, stop)
}

func (w *world) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, stop := range w.stops {
		stop()
	}
}
