package fetch

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/inith/inith/fetch/internal/engine"
)

// A crowd is the progress of many files.
type crowd struct {
	size    int64        // bytes, of all files; -1: not known
	skipped atomic.Int64 // bytes of files that were up to date

	mu      sync.Mutex
	ended   engine.Snapshot // sums over files that have ended
	running map[*engine.Progress]bool
}

// start adds a file, until end is called.
func (c *crowd) start() (p *engine.Progress, end func()) {
	p = engine.NewProgress()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[*engine.Progress]bool{}
	}
	c.running[p] = true
	return p, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, p)
		c.ended = plus(c.ended, p.Snapshot())
	}
}

// snapshot returns how far all files are.
func (c *crowd) snapshot() engine.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.ended
	for p := range c.running {
		sum = plus(sum, p.Snapshot())
	}
	sum.Size, sum.Done = c.size, sum.Done+c.skipped.Load()
	return sum
}

func plus(a, b engine.Snapshot) engine.Snapshot {
	a.Done, a.Fetched, a.Present = a.Done+b.Done, a.Fetched+b.Fetched, a.Present+b.Present
	a.Cached += b.Cached
	a.Connections, a.Retries = a.Connections+b.Connections, a.Retries+b.Retries
	if b.Err != nil {
		a.Err = b.Err
	}
	return a
}

// each calls work for 0 to n-1, as many at the same time as their weights allow, in this order. The first error ends
// the others.
func each(ctx context.Context, n, atOnce int, weight func(i int) int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		w := min(weight(i), atOnce)
		if !take(ctx, slots, w) {
			break
		}
		wg.Go(func() {
			if err := work(ctx, i); err != nil {
				cancel(err)
			}
			for range w {
				<-slots
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// take takes n slots, or reports that ctx has ended.
func take(ctx context.Context, slots chan<- struct{}, n int) bool {
	for range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// interleave returns the order in which to fetch files, of which the largest come first: as many small ones after each
// large one. Requests for small files take round trips and no bandwidth, which the large ones use meanwhile.
func interleave(files []*member, large func(*member) bool) []*member {
	n := 0
	for n < len(files) && large(files[n]) {
		n++
	}
	if n < 2 {
		return files
	}
	small, all := files[n:], slices.Clone(files[:1])
	for i := 1; i < n; i++ {
		all = append(append(all, files[i]), small[len(small)*(i-1)/(n-1):len(small)*i/(n-1)]...)
	}
	return all
}
