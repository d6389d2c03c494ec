package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// A stream runs on: what follows its segment, and is in its answer, it takes over without
// another request, until another stream brings those bytes. A server that refuses further
// requests so costs nothing.

const (
	stride      = 256 << 10       // bytes by which a segment grows
	maxStandby  = 2 * time.Second // a stream that nobody needs for so long is ended
	worthToSkip = 1.0             // seconds: what a refused request costs

	// To make way costs a connection, and what is under way on it: most others end by themselves before.
	makeWayAfter = 250 * time.Millisecond
)

// errOvertaken ends a request whose bytes another stream has brought before the answer came.
var errOvertaken = errors.New("another connection was faster")

// runner returns the segment whose stream will bring the missing bytes from off on without
// another request, nil if there is none. The caller holds mu.
func (r *ranges) runner(off int64) *segment {
	for c := range r.segments {
		if c.end == off && c.reach > off && !r.whole {
			return c
		}
	}
	return nil
}

// gapAt returns the missing bytes from off on. The caller holds mu.
func (r *ranges) gapAt(off int64) span.Span {
	for _, gap := range r.missing {
		if gap.Start <= off && off < gap.End {
			return span.Span{Start: off, End: gap.End}
		}
	}
	return span.Span{Start: off, End: off}
}

// tail returns the end of what the stream of a segment will bring if nobody helps, as far
// as the read-ahead goes. The caller holds mu.
func (r *ranges) tail(c *segment) int64 {
	return max(c.end, min(r.gapAt(c.end).End, c.reach, r.limit()))
}

// A step is what a stream does next.
type step struct {
	n    int64           // bytes to write
	skip int64           // bytes to read and drop before, since they are present
	wait <-chan struct{} // closed when the end of the read-ahead has moved; nil: do not wait
}

// step returns what the stream of a segment does next: nothing if others have taken what
// follows, or if it is to make way for another file. Where a server wants few requests, it
// reads what is present once more, as long as that costs less than a request that may be
// refused.
func (r *ranges) step(c *segment, few, makeWay bool) step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.off < c.end {
		return step{n: c.end - c.off}
	}
	at := c.end
	if next := r.nextAfter(at); few && float64(next-at) <= worthToSkip*c.speed() {
		at = next
	}
	switch {
	case at >= c.reach, makeWay && !few && at-c.begin >= chunk:
		return step{}
	case at >= r.limit():
		return step{wait: r.changed}
	}
	n := r.takeOver(c, min(at+stride, c.reach, r.limit()), at)
	skip := at - c.end
	if n == 0 {
		return step{}
	}
	c.off, c.end, c.before = at, at+n, c.before+skip
	return step{n: n, skip: skip}
}

// speed returns the rate of a segment's stream, also before it was measured.
func (c *segment) speed() float64 {
	if c.looks > 0 {
		return c.rate
	}
	return float64(c.off-c.begin) / max(time.Since(c.opened).Seconds(), 1e-3)
}

// nextAfter returns the first byte from off on that is not present. The caller holds mu.
func (r *ranges) nextAfter(off int64) int64 {
	for _, have := range r.have {
		if have.Start <= off && off < have.End {
			return have.End
		}
	}
	return off
}

// takeOver takes bytes from off to end at most: missing ones, or those of a segment for which
// no answer has come yet. It returns how many. The caller holds mu.
func (r *ranges) takeOver(c *segment, end, off int64) int64 {
	if gap := r.gapAt(off); gap.Len() > 0 {
		gap.End = min(gap.End, end)
		r.missing = r.missing.Remove(gap)
		return gap.Len()
	}
	for other := range r.segments {
		if other == c || other.open || other.off != off || other.end <= off {
			continue
		}
		n := min(end, other.end) - off
		other.before += n
		if other.off += n; other.off == other.end {
			other.endStream(errOvertaken)
		}
		return n
	}
	return 0
}

// endStream ends the stream of a segment. The caller holds mu of the ranges.
func (c *segment) endStream(cause error) {
	if c.ended = true; c.cancel != nil {
		c.cancel(cause)
	}
}

// room returns how many bytes the stream of c may write next: none if others bring what
// follows. At the end of the read-ahead it waits, but not for long: others may need the
// connection.
func (d *download) room(ctx context.Context, c *segment, body io.Reader, w *writer) (int64, error) {
	standby := time.NewTimer(maxStandby)
	defer standby.Stop()
	for {
		next := d.ranges.step(c, d.host.wantsFew(), d.host.starves(d.Job, makeWayAfter))
		if next.skip == 0 && next.wait == nil {
			return next.n, nil
		}
		if err := w.flush(); err != nil {
			return 0, err
		}
		if next.wait == nil {
			return next.n, skip(ctx, d.Job, body, next.skip, func(n int) { d.ranges.skipped(c, n) })
		}
		d.ranges.rests(c, maxStandby)
		select {
		case <-next.wait:
		case <-standby.C:
			return 0, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}
