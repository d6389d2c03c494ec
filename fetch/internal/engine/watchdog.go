package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/usererr"
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

// ratePeriod is what the minimum rate is an average over.
const ratePeriod = time.Minute

// A guard watches how much comes.
type guard struct {
	job   *Job
	stall time.Duration // without a byte; negative: any
	least int64         // bytes per second; zero: any number

	waited time.Duration // for the server, of the present period
	before int64         // bytes that had come when the period began
}

// watchdog ends work when no byte comes for too long, or too few.
func watchdog(ctx context.Context, j *Job) (context.Context, func()) {
	g := &guard{job: j, stall: j.Engine.stallTimeout(), least: j.Engine.minRate(), before: j.Progress.came.Load()}
	j.Progress.excuse() // what was done on this machine before is no lack of bytes
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		every := time.Second
		if g.stall > 0 {
			every = min(g.stall/4+1, every)
		}
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := g.look(every); err != nil {
					cancel(source.Permanent(err))
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// look returns why to give up, nil to go on. What holds the job up on this machine is not
// the server's fault.
func (g *guard) look(every time.Duration) error {
	j := g.job
	if j.heldUp() {
		j.Progress.excuse()
	}
	if g.stall > 0 && j.Progress.idle() >= g.stall {
		return &StallError{g.stall, j.Progress.lastError()}
	}
	if !j.Progress.excused.Swap(false) {
		g.waited += every
	}
	if g.least <= 0 || g.waited < ratePeriod {
		return nil
	}
	now := j.Progress.came.Load()
	rate, some := int64(float64(now-g.before)/g.waited.Seconds()), now > g.before
	if g.before, g.waited = now, 0; some && rate < g.least { // without a byte, it is a stall
		return errTooFew(rate, g.least)
	}
	return nil
}

// heldUp reports whether a job waits for something else than its server: for the time of the first request, for its turn
// while other files use all connections, for the hash of what is present, or for the rate limit.
func (j *Job) heldUp() bool {
	turn := j.Progress.streams.Load() == 0 && j.host.full()
	return turn || j.host.starting() || j.Progress.hashing() || j.Engine.limited()
}

func errTooFew(rate, least int64) error {
	return &usererr.Error{
		Text: fmt.Sprintf("only %s per second came in the last %s, and the minimum is %s", bytesize.Text(rate), duration.Format(ratePeriod), bytesize.Text(least)),
		Hint: "Check the network and the load of the server. --min-rate sets the minimum.",
	}
}
