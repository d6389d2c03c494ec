package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

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
	cloned    bool // part shares the bytes of a file of this machine
	verify    *verifier
	grown     int64 // bytes that there is room for, of an object whose size is not known
}

// A startAgainError means that the rest of a stream cannot be requested: without a validator,
// it may be of another version.
type startAgainError struct{ err error }

func (e *startAgainError) Error() string { return e.err.Error() }
func (e *startAgainError) Unwrap() error { return e.err }

// An answer is one to a request, and the connection that it comes over.
type answer struct {
	*source.Part
	slot *slot
}

// run returns when all bytes are present and hashed. First is an answer that has come already;
// nil if there is none.
func (d *download) run(ctx context.Context, first *answer) error {
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
	return d.Engine.Streams(d.ranges.size.Load())
}

// Streams returns how many connections can be of use for an object of so many bytes; -1: of a
// number that is not known.
func (e *Engine) Streams(size int64) int {
	return int(min(max(0, size)/minPart+1, int64(e.connections())))
}

// work fetches segments sequentially, until ctx is done. The first segment, and the answer for
// it, may be given.
func (d *download) work(ctx context.Context, first *answer, c *segment) error {
	pauses := d.Engine.pauses()
	rate := 0.0
	var last *slot
	for {
		a := first
		if first = nil; a == nil {
			var err error
			if c, a, err = d.segment(ctx, rate, last); err != nil {
				return err
			}
		}
		begun := time.Now()
		n, err := d.stream(ctx, c, a)
		rate = float64(n) / time.Since(begun).Seconds()
		d.ranges.release(c)
		if last = a.slot; err != nil {
			d.release(last)
			last = nil
		}
		if n > 0 {
			pauses.Reset()
		}
		if err := d.decide(ctx, err, n, pauses); err != nil {
			return err
		}
	}
}

// decide returns why the transfer ends after a stream that brought n bytes; nil: it goes on.
func (d *download) decide(ctx context.Context, err error, n int64, pauses backoff.BackOff) error {
	if err == nil {
		return nil
	}
	if n == 0 && ctx.Err() == nil && isRefusal(err) && d.ranges.deliver() {
		d.host.matterOfNumber()
		d.crowded(err)
		return nil
	}
	if err := d.failed(ctx, err, n >= minPart, pauses); err != nil {
		return err
	}
	if n > 0 && !d.sure {
		return &startAgainError{err}
	}
	return nil
}

// isRefusal reports whether an error may mean that a server wants no more connections than it
// has: whatever it answers, or does, to a request for what it sends over others.
func isRefusal(err error) bool {
	for _, other := range []error{source.ErrChanged, errOvertaken, errSlow, errIdle} {
		if errors.Is(err, other) {
			return false
		}
	}
	return !store.IsError(err)
}

// segment waits for something to fetch and a connection to fetch it with, until ctx is done:
// bytes that are present may still prove wrong. Last is the connection of the last segment, nil
// if there is none.
func (d *download) segment(ctx context.Context, rate float64, last *slot) (*segment, *answer, error) {
	for {
		changed := d.ranges.idle(d.demand(rate))
		if changed == nil {
			var err error
			if last, err = d.exchange(ctx, last); err != nil {
				return nil, nil, err
			}
			var c *segment
			if c, changed = d.ranges.next(d.demand(rate)); c != nil {
				return c, &answer{slot: last}, nil
			}
		}
		if last != nil {
			d.release(last)
			last = nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

func (d *download) demand(rate float64) demand {
	h := d.host
	return demand{connections: h.connections(), rate: rate, answers: h.answersMore(), few: h.wantsFew(), others: h.othersWait(d.Job)}
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
			d.ranges.look(every, patience{d.Engine.idleTimeout(), d.Engine.stallTimeout(), d.host.wantsFew()})
		}
	}
}
