package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/duration"
)

// A StallError means that no byte came for so long.
type StallError struct {
	After time.Duration
	Err   error // the last cause; nil: none is known
}

func (e *StallError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("no byte came for %s", duration.Format(e.After))
	}
	return fmt.Sprintf("%v, and no byte came for %s", e.Err, duration.Format(e.After))
}

func (e *StallError) Unwrap() error { return e.Err }

// watchdog ends work when no byte comes for too long.
func watchdog(ctx context.Context, j *Job) (context.Context, func()) {
	limit := j.Engine.stallTimeout()
	if limit < 0 {
		return ctx, func() {}
	}
	j.Progress.moved() // what was done on this machine before is no lack of bytes
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(min(limit/4+1, time.Second))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if stalled(j, limit) {
					cancel(source.Permanent(&StallError{limit, j.Progress.lastError()}))
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// stalled reports whether no byte came for so long. A job that waits while other files
// use all connections does not stall.
func stalled(j *Job, limit time.Duration) bool {
	if j.Progress.streams.Load() == 0 && j.host.full() {
		j.Progress.moved()
	}
	return j.Progress.idle() >= limit
}
