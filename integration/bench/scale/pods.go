package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
)

// An outcome is what became of a scenario.
type outcome struct {
	scenario

	origin     *server
	half, last time.Duration // until so many Pods were ready
	failed     int
}

// play starts all Pods at the same time.
func (w *world) play(ctx context.Context, s scenario) (*outcome, error) {
	dir, err := os.MkdirTemp(w.dir, "inith-scale-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	o := &outcome{scenario: s, origin: w.newOrigin()}
	from, stop := o.origin.start()
	defer stop()
	if s.mirror {
		mirror, stopMirror := w.newMirror(ctx, from).start()
		defer stopMirror()
		from = mirror
	}
	all, err := w.startPods(ctx, group{
		Source: from + "/model.bin", Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(w.content)), Dir: dir, Nodes: w.nodes,
		Cache: s.cache, Jitter: w.jitterOf(s), Connections: s.connections,
	})
	if err != nil {
		return nil, err
	}
	for _, text := range all.Failed {
		fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, text)
	}
	if o.failed = len(all.Failed); len(all.Ready) > 0 {
		slices.Sort(all.Ready)
		o.half, o.last = all.Ready[(len(all.Ready)-1)/2], all.Ready[len(all.Ready)-1]
	}
	return o, ctx.Err()
}

func (w *world) jitterOf(s scenario) time.Duration {
	if s.jitter {
		return w.jitter
	}
	return 0
}

// startPods has processes of their own fetch for all Pods: both ends of their connections would be more open files than
// one process may have.
func (w *world) startPods(ctx context.Context, all group) (results, error) {
	const processes = 4
	self, err := os.Executable()
	if err != nil {
		return results{}, err
	}
	var mu sync.Mutex
	var sum results
	var errs []error
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() {
			g := all
			g.First, g.End = w.pods*i/processes, w.pods*(i+1)/processes
			r, err := g.start(ctx, self)
			mu.Lock()
			defer mu.Unlock()
			sum.Ready, sum.Failed, errs = append(sum.Ready, r.Ready...), append(sum.Failed, r.Failed...), append(errs, err)
		})
	}
	wg.Wait()
	return sum, errors.Join(errs...)
}

// rolePods is the argument of a process that is a group of Pods.
const rolePods = "pods"

// A group is Pods that start together, as JSON on the standard input of their process.
type group struct {
	First, End  int    // of the numbers of Pods
	Source      string // URL
	Digest, Dir string
	Nodes       int
	Cache       bool
	Jitter      time.Duration
	Connections int
}

// results is what became of a group, as JSON on the standard output of its process.
type results struct {
	Ready  []time.Duration // from the start
	Failed []string
}

// start runs the group in a process of its own.
func (g group) start(ctx context.Context, self string) (results, error) {
	in, err := json.Marshal(g)
	if err != nil {
		return results{}, err
	}
	c := exec.CommandContext(ctx, self, rolePods)
	c.Stdin, c.Stderr = bytes.NewReader(in), os.Stderr
	out, err := c.Output()
	if err != nil {
		return results{}, err
	}
	var r results
	return r, json.Unmarshal(out, &r)
}

// runPods is the process of a group.
func runPods(ctx context.Context, in io.Reader, out io.Writer) error {
	var g group
	if err := json.NewDecoder(in).Decode(&g); err != nil {
		return err
	}
	var r results
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := time.Now()
	for n := g.First; n < g.End; n++ {
		wg.Go(func() {
			err := g.pod(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Failed = append(r.Failed, fmt.Sprintf("Pod %d: %v", n, err))
				return
			}
			r.Ready = append(r.Ready, time.Since(begun))
		})
	}
	wg.Wait()
	return json.NewEncoder(out).Encode(r)
}

// pod fetches the file to a volume of its own.
func (g group) pod(ctx context.Context, n int) error {
	node := filepath.Join(g.Dir, fmt.Sprintf("node%d", n%g.Nodes))
	volume := filepath.Join(node, fmt.Sprintf("pod%d", n))
	if err := os.MkdirAll(volume, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(volume) }()
	f := &fetch.Fetcher{StallTimeout: time.Hour, StartJitter: g.Jitter, Connections: g.Connections}
	if g.Cache {
		f.Cache = filepath.Join(node, "cache")
	}
	source, err := redact.ParseURL(g.Source)
	if err != nil {
		return err
	}
	want, err := fetch.ParseDigest(g.Digest)
	if err != nil {
		return err
	}
	t, err := f.Open(fetch.File{URL: source, Dest: filepath.Join(volume, "model.bin"), Digest: want})
	if err != nil {
		return err
	}
	_, err = t.Run(ctx)
	return err
}
