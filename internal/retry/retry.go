// Package retry spaces out attempts. Its policies implement the BackOff
// interface of cenkalti/backoff.
package retry

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

var _ backoff.BackOff = (*Proportional)(nil)

// Proportional pauses for a share of the time that has passed since it was made
// or reset: what has been awaited for a second is asked again soon, what has
// been awaited for minutes is not. It measures by the clock, so that slow
// attempts do not slow it down. It never stops by itself. Not for concurrent
// use.
type Proportional struct {
	Share    float64       // pause / time since start, such as 0.04
	Min, Max time.Duration // bounds of the pause
	Jitter   float64       // part of the pause that varies, either way: 0.2 is ± 20 %

	start time.Time
}

// NewProportional returns a policy that has started.
func NewProportional(share float64, low, high time.Duration, jitter float64) *Proportional {
	return &Proportional{Share: share, Min: low, Max: high, Jitter: jitter, start: time.Now()}
}

// NextBackOff returns the next pause.
func (p *Proportional) NextBackOff() time.Duration {
	d := time.Duration(p.Share * float64(time.Since(p.start)))
	d = min(max(d, p.Min), p.Max)
	return time.Duration(float64(d) * (1 + p.Jitter*(2*rand.Float64()-1)))
}

// Reset counts time from now.
func (p *Proportional) Reset() { p.start = time.Now() }

// Every calls f each time that d has passed, until stop, which returns when f is
// called no more.
func Every(d time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				f()
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// Sleep waits for d, or until ctx is done: then it returns the cause of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
