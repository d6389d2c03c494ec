package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// Why a stream is replaced by another one.
var (
	errSlow = errors.New("a connection was much slower than the others to the same file")
	errIdle = errors.New("a connection brought no more bytes")
)

// A patience is how long a stream may bring nothing.
type patience struct {
	idle  time.Duration // where another request brings the rest
	stall time.Duration // after which the transfer is given up; negative: never
	few   bool          // another request may be refused
}

// of returns that of a stream, after so many others that brought nothing. A stream whose
// replacement is dear, since it begins at the first byte or may be refused, may stand still
// for as long as it has taken so far.
func (p patience) of(dear bool, opened time.Time, stalls int) time.Duration {
	wait := p.idle << min(stalls, 4)
	if dear || p.few {
		wait = max(3*p.idle, time.Since(opened))
	}
	if p.stall > 0 {
		wait = min(wait, max(p.idle, p.stall/4*3)) // so that there is time for another try
	}
	return wait
}

// look measures the streams and ends those that should be replaced. A stream is slow beside
// others that are faster: for the only one there is nothing better to replace it with.
func (r *ranges) look(every time.Duration, p patience) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.measure(every)
	wait := 10 * time.Second
	if len(r.missing) == 0 && !p.few { // others have nothing to do but this
		wait = 2 * time.Second
	}
	idle := false
	for c := range r.segments {
		if c.slow++; !c.open || c.rate >= r.typical/8 || time.Now().Before(c.moved) || r.whole {
			c.slow = 0
		}
		switch {
		case !c.open || c.ended:
		case time.Since(c.moved) >= p.of(r.whole, c.opened, r.stalls):
			idle = true
			c.endStream(errIdle)
		case time.Duration(c.slow)*every >= wait:
			c.endStream(errSlow)
		}
	}
	if idle {
		r.stalls++
	}
	if len(r.segments) > 0 {
		r.wake() // rates have changed: who has nothing to do may help now
	}
}

// measure computes the rates of the streams. The caller holds mu.
func (r *ranges) measure(every time.Duration) {
	var rates []float64
	for c := range r.segments {
		if !c.open || c.looks == 0 && time.Since(c.opened) < every/2 {
			continue
		}
		came := c.off + c.again
		now := float64(came-c.before) / every.Seconds()
		c.rate, c.before = 0.5*c.rate+0.5*now, came
		if c.looks++; c.looks == 1 {
			c.rate = now
		}
		rates = append(rates, c.rate)
	}
	slices.Sort(rates)
	r.typical *= 0.98 // forgotten in some seconds: the path itself may have become slow
	if len(rates) > 1 {
		r.typical = max(r.typical, rates[len(rates)/2])
	}
}

// begins records how to end the stream of a segment, which is about to be requested.
func (r *ranges) begins(c *segment, cancel func(cause error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.cancel = cancel; c.ended { // another stream was faster than this call
		cancel(errOvertaken)
	}
}

// answered records that a segment's stream has begun, with an answer that ends at end
// (negative: nobody knows). It returns the first byte to write, and how many are left.
func (r *ranges) answered(c *segment, end int64) (off, left int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.open, c.opened = true, time.Now()
	c.moved = c.opened
	if end >= 0 {
		c.reach = min(c.reach, end)
	}
	return c.off, c.end - c.off
}

// deliver reports whether a stream is under way.
func (r *ranges) deliver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.delivering()
}

func (r *ranges) delivering() bool {
	for c := range r.segments {
		if c.open && !c.ended {
			return true
		}
	}
	return false
}

// rests records that a segment's worker will read nothing for a while.
func (r *ranges) rests(c *segment, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.moved = time.Now().Add(pause)
}

// wanted returns what to request for a segment.
func (r *ranges) wanted(c *segment) span.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return span.Span{Start: c.off, End: max(c.end, c.reach)}
}

func (r *ranges) pieceSpan(u int64) span.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.piece(u)
}
