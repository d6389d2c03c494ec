package main

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// parallelWaiting is small: what others do at the same time makes caches cold,
// and CPU time grows a little.
const parallelWaiting = 3

// measureWaiting lets tools wait for what never gets ready.
func (b *bench) measureWaiting(ctx context.Context) error {
	refused, err := newClosedGate("")
	if err != nil {
		return err
	}
	defer refused.close()
	postgres, err := newStartingGate(ctx, "", startingPostgres)
	if err != nil {
		return err
	}
	defer postgres.close()
	redis, err := newStartingGate(ctx, "", loadingRedis)
	if err != nil {
		return err
	}
	defer redis.close()
	web, err := startWebsite(ctx, http.StatusServiceUnavailable, nil, "")
	if err != nil {
		return err
	}
	defer web.close()
	var jobs []func(context.Context) (row, error)
	for _, s := range waitingScenarios() {
		addr := map[string]string{"refused": refused.addr, "postgres": postgres.addr, "redis": redis.addr, "http": web.addr}[s.server]
		for _, t := range b.tools.forKind(s.kind) {
			if s.server == "refused" && s.kind != "tcp" && t.level == portOnly {
				continue // the same as for tcp
			}
			r := newRow("waiting", s.name, t, 0)
			jobs = append(jobs, func(ctx context.Context) (row, error) {
				return wait(ctx, r, t.command(target{kind: s.kind, addr: addr, timeout: b.waiting}), b.waiting)
			})
		}
	}
	return b.each(ctx, parallelWaiting, jobs)
}

// A waitingScenario is a server that never gets ready.
type waitingScenario struct{ name, server, kind string }

func waitingScenarios() []waitingScenario {
	return []waitingScenario{
		{"tcp, refused", "refused", "tcp"},
		{"postgres, refused", "refused", "postgres"},
		{"redis, refused", "refused", "redis"},
		{"http, refused", "refused", "http"},
		{"postgres answers 57P03", "postgres", "postgres"},
		{"redis answers LOADING", "redis", "redis"},
		{"http answers 503", "http", "http"},
	}
}

// wait runs a tool until its own timeout. A loop has none: it is ended then,
// with its group, and what its last child took is not counted.
func wait(ctx context.Context, r row, c command, limit time.Duration) (row, error) {
	var end func()
	o, err := execute(ctx, c, limit+grace, func(pid int) {
		end = watch(pid, limit+500*time.Millisecond, &r.Peak)
	})
	if err != nil {
		return r, err
	}
	end()
	r.cost(o)
	r.Wrong = o.code == 0
	if r.Failed = !r.Wrong && r.Wall < limit-time.Second; r.Failed {
		r.Stderr = o.stderr
	}
	return r, ctx.Err()
}

// watch follows the memory of a process and ends its group after limit. When end
// returns, peak is set.
func watch(pid int, limit time.Duration, peak *int64) (end func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		over := time.NewTimer(limit)
		defer over.Stop()
		for {
			*peak = max(*peak, highWater(pid))
			select {
			case <-done:
				return
			case <-over.C:
				_ = syscall.Kill(-pid, syscall.SIGTERM)
			case <-tick.C:
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}
