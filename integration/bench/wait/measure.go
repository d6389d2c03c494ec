package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A scenario is a kind of server and what it does before it is ready.
type scenario struct {
	name    string
	kind    string
	backend string
	answer  func(net.Conn) // nil: the port refuses
}

// delayScenarios leaves out what needs a server that is not there.
func (b *bench) delayScenarios() []scenario {
	all := []scenario{{name: "tcp, refused before", kind: "tcp"}}
	if b.servers.postgres != "" {
		all = append(all,
			scenario{"postgres, refused before", "postgres", b.servers.postgres, nil},
			scenario{"postgres, 57P03 before", "postgres", b.servers.postgres, startingPostgres})
	}
	if b.servers.redis != "" {
		all = append(all, scenario{"redis, refused before", "redis", b.servers.redis, nil})
	}
	return all
}

// moments returns when servers get ready after a tool was started: log-uniform
// between low and high, longest first, so that the last jobs are short ones.
func (c *config) moments() []time.Duration {
	r := rand.New(rand.NewPCG(c.seed, 0))
	all := make([]time.Duration, c.offsets)
	for i := range all {
		all[i] = time.Duration(float64(c.low) * math.Pow(float64(c.high)/float64(c.low), r.Float64()))
	}
	slices.SortFunc(all, func(x, y time.Duration) int { return cmp.Compare(y, x) })
	return all
}

// grace is how much later than ready a tool may notice before it is killed.
const grace = 30 * time.Second

// measureDelay lets every tool wait for the same moments. All tools of a moment
// come after each other, in random order, so that noise hits them alike.
func (b *bench) measureDelay(ctx context.Context) error {
	var jobs []func(context.Context) (row, error)
	for i, at := range b.moments() {
		first := len(jobs)
		for _, s := range b.delayScenarios() {
			for _, t := range b.tools.forKind(s.kind) {
				r := newRow("delay", s.name, t, i)
				jobs = append(jobs, func(ctx context.Context) (row, error) { return delay(ctx, r, s, t, at) })
			}
		}
		rand.Shuffle(len(jobs)-first, func(x, y int) { jobs[first+x], jobs[first+y] = jobs[first+y], jobs[first+x] })
	}
	return b.each(ctx, b.parallel, jobs)
}

// each does jobs, so many at a time and in order, and keeps their rows.
func (b *bench) each(ctx context.Context, parallel int, jobs []func(context.Context) (row, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan func(context.Context) (row, error))
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for job := range queue {
				r, err := job(ctx)
				mu.Lock()
				if b.rows = append(b.rows, r); err != nil {
					failed = errors.Join(failed, err)
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for _, job := range jobs {
		if ctx.Err() != nil {
			break
		}
		queue <- job
	}
	close(queue)
	wg.Wait()
	return cmp.Or(failed, ctx.Err())
}

// delay starts a tool and opens its gate so much later.
func delay(ctx context.Context, r row, s scenario, t tool, at time.Duration) (row, error) {
	g, err := newGate(ctx, s)
	if err != nil {
		return r, err
	}
	defer g.close()
	timeout := (at + grace).Truncate(time.Second)
	var opened time.Time
	var openErr error
	done := make(chan struct{})
	var timer *time.Timer
	o, err := execute(ctx, t.command(target{kind: s.kind, addr: g.addr, timeout: timeout}), timeout+grace, func(int) {
		timer = time.AfterFunc(at, func() {
			defer close(done)
			opened, openErr = g.openNow(ctx)
		})
	})
	if err != nil {
		return r, err
	}
	r.cost(o)
	if timer.Stop() { // it has ended before the server was ready
		r.Ready = at
		r.Wrong = o.code == 0
	} else {
		<-done
		r.Ready, r.Delay = opened.Sub(o.start), o.end.Sub(opened)
		r.Wrong = o.code == 0 && r.Delay < 0
	}
	if r.Failed = o.code != 0; r.Failed {
		r.Stderr = o.stderr
	}
	return r, cmp.Or(openErr, ctx.Err())
}

func newGate(ctx context.Context, s scenario) (*gate, error) {
	if s.answer == nil {
		return newClosedGate(s.backend)
	}
	return newStartingGate(ctx, s.backend, s.answer)
}

// measureOpen runs each tool on servers that are ready, one at a time. The
// first round warms up and is not kept.
func (b *bench) measureOpen(ctx context.Context) error {
	targets, stop, err := b.openTargets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for round := range b.rounds + 1 {
		for _, t := range targets {
			for _, l := range b.tools.forKind(t.kind) {
				r := newRow("open", t.kind, l, round)
				if err := r.open(ctx, l.command(t)); err != nil {
					return err
				}
				if round > 0 {
					b.rows = append(b.rows, r)
				}
			}
		}
	}
	return nil
}

// open runs a tool twice: for its time, and traced for its memory.
func (r *row) open(ctx context.Context, c command) error {
	o, err := execute(ctx, c, grace, nil)
	if err != nil {
		return err
	}
	r.cost(o)
	if r.Failed = o.code != 0; r.Failed {
		r.Stderr = o.stderr
		return ctx.Err()
	}
	if r.Peak, err = peakOf(c, grace); err != nil {
		return fmt.Errorf("memory of %s: %w", r.Tool, err)
	}
	return ctx.Err()
}

// openTargets returns a ready server of each kind.
func (b *bench) openTargets(ctx context.Context) (targets []target, stop func(), err error) {
	g, err := newClosedGate("")
	if err != nil {
		return nil, nil, err
	}
	if _, err := g.openNow(ctx); err != nil {
		return nil, nil, err
	}
	caFile := filepath.Join(filepath.Dir(b.tools.inith), "ca.pem")
	cert, err := newCertificate(caFile)
	if err != nil {
		return nil, nil, err
	}
	web, err := startWebsite(ctx, http.StatusOK, cert, caFile)
	if err != nil {
		return nil, nil, err
	}
	targets = []target{{kind: "tcp", addr: g.addr}, {kind: "https", addr: web.addr, caFile: caFile}}
	if b.servers.postgres != "" {
		targets = append(targets, target{kind: "postgres", addr: b.servers.postgres})
	}
	if b.servers.redis != "" {
		targets = append(targets, target{kind: "redis", addr: b.servers.redis})
	}
	for i := range targets {
		targets[i].timeout = grace / 2
	}
	return targets, func() { g.close(); web.close() }, nil
}
