package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// A download brings the bytes of one object into its partial file.
type download struct {
	*Job
	validator string // that every answer must have; "" for none
	encoding  string // that the bytes are compressed with; "" for none
	sure      bool   // two answers are of one version, or a digest will show that they are not
	ranges    *ranges
	part      *store.Partial
	verify    *verifier
}

// A startAgainError means that the rest of a stream cannot be requested: without a validator,
// it may be of another version.
type startAgainError struct{ err error }

func (e *startAgainError) Error() string { return e.err.Error() }
func (e *startAgainError) Unwrap() error { return e.err }

// errSlow ends a stream that is much slower than its siblings, or stands still.
var errSlow = errors.New("slow")

// run returns when all bytes are present and hashed. First is an answer that has come already,
// with a connection of the host's; nil if there is none.
func (d *download) run(ctx context.Context, first *source.Part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	spawn := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	var claimed *segment
	if first != nil {
		if claimed = d.ranges.segmentFor(span.Span{Start: first.Start, End: first.End}); claimed == nil {
			d.drop(first)
			first = nil
		}
	}
	spawn(func(ctx context.Context) error { return d.work(ctx, first, claimed) })
	for range d.workers() - 1 {
		spawn(func(ctx context.Context) error { return d.work(ctx, nil, nil) })
	}
	wg.Go(func() { d.watch(ctx) })
	err := d.verify.run(ctx)
	cancel(err)
	return err
}

// workers returns how many connections can be of use.
func (d *download) workers() int {
	if d.ranges.whole {
		return 1
	}
	most := d.ranges.size/minPart + 1
	return int(min(most, int64(d.Engine.connections())))
}

// work fetches segments sequentially, until ctx is done. The first segment, and the answer for
// it, may be given.
func (d *download) work(ctx context.Context, first *source.Part, c *segment) error {
	pauses := d.Engine.pauses()
	rate := 0.0
	for {
		if c == nil {
			var err error
			if c, err = d.segment(ctx, rate); err != nil {
				return err
			}
		}
		begun := time.Now()
		n, err := d.stream(ctx, c, first)
		rate = float64(n) / time.Since(begun).Seconds()
		d.ranges.release(c)
		d.release()
		first, c = nil, nil
		if n > 0 {
			pauses.Reset()
		}
		if err == nil {
			continue
		}
		if err := d.failed(ctx, err, n >= minPart, pauses); err != nil {
			return err
		}
		if n > 0 && !d.sure {
			return &startAgainError{err}
		}
	}
}

// segment waits for something to fetch and a connection to fetch it with, until ctx is done:
// bytes that are present may still prove wrong.
func (d *download) segment(ctx context.Context, rate float64) (*segment, error) {
	for {
		if err := d.acquire(ctx); err != nil {
			return nil, err
		}
		c, changed := d.ranges.next(d.host.connections(), rate)
		if c != nil {
			return c, nil
		}
		d.release()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// watch replaces streams that are slow, and ends the transfer when none brings
// anything. It returns with ctx.
func (d *download) watch(ctx context.Context) {
	const every = 250 * time.Millisecond
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.ranges.look(every, d.Engine.idleTimeout())
		}
	}
}
