package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
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
	source, err := redact.ParseURL(from + "/model.bin")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var ready []time.Duration
	var wg sync.WaitGroup
	begun := time.Now()
	for n := range w.pods {
		wg.Go(func() {
			err := w.pod(ctx, s, source, filepath.Join(dir, fmt.Sprintf("node%d", n%w.nodes)), n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				o.failed++
				fmt.Fprintf(os.Stderr, "%s: Pod %d: %v\n", s.name, n, err)
				return
			}
			ready = append(ready, time.Since(begun))
		})
	}
	wg.Wait()
	if len(ready) > 0 {
		slices.Sort(ready)
		o.half, o.last = ready[(len(ready)-1)/2], ready[len(ready)-1]
	}
	return o, ctx.Err()
}

// pod fetches the file to a volume of its own.
func (w *world) pod(ctx context.Context, s scenario, source *url.URL, node string, n int) error {
	volume := filepath.Join(node, fmt.Sprintf("pod%d", n))
	if err := os.MkdirAll(volume, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(volume) }()
	f := &fetch.Fetcher{StallTimeout: time.Hour, Connections: s.connections}
	if s.cache {
		f.Cache = filepath.Join(node, "cache")
	}
	if s.jitter {
		f.StartJitter = w.jitter
	}
	want, err := fetch.ParseDigest(fmt.Sprintf("sha256:%x", sha256.Sum256(w.content)))
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
