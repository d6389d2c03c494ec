package fetch

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// acquire takes a connection of the host in use, which release gives back.
func (t *Transfer) acquire(ctx context.Context) error {
	if err := t.host.acquire(ctx); err != nil {
		return err
	}
	t.streams.Add(1)
	return nil
}

func (t *Transfer) release() {
	t.streams.Add(-1)
	t.host.release()
}

// guard ends work when no byte comes for too long.
func (t *Transfer) guard(ctx context.Context) (context.Context, func()) {
	limit := cmp.Or(t.fetcher.NoProgress, DefaultNoProgress)
	if limit < 0 {
		return ctx, func() {}
	}
	t.last.Store(time.Now().UnixNano()) // what was done on this machine before is no lack of bytes
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		timer := time.NewTicker(min(limit/4+1, time.Second))
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
				if t.streams.Load() == 0 && t.host.full() {
					t.last.Store(time.Now().UnixNano())
				}
				if idle := time.Since(time.Unix(0, t.last.Load())); idle >= limit {
					t.mu.Lock()
					cancel(permanent(&NoProgressError{limit, t.err}))
					t.mu.Unlock()
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// received counts bytes.
func (t *Transfer) received(n int) {
	if n == 0 {
		return
	}
	t.fetched.Add(int64(n))
	t.last.Store(time.Now().UnixNano())
	t.host.received(n)
}

// retried counts a failure that another try may clear.
func (t *Transfer) retried(err error) {
	t.retries.Add(1)
	t.note(err)
}

// note keeps the last cause of trouble.
func (t *Transfer) note(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	t.log.Debug("trying again", "source", t.Name(), "err", err)
}

// mayForgive reports whether to try again after a refusal: of a file that has
// been given until now, one answer among many may be wrong.
func (t *Transfer) mayForgive(progress bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if progress {
		t.forgiven = 0
	}
	t.forgiven++
	return t.fetched.Load() > 0 && t.forgiven <= 2
}

func (t *Transfer) follow(r *ranges) {
	t.mu.Lock()
	t.ranges = r
	t.mu.Unlock()
}
