package engine

import (
	"slices"
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// look measures the streams and ends those that should be replaced.
func (r *ranges) look(every, stall time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rates []float64
	for c := range r.segments {
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
	if len(rates) > 0 {
		r.typical = max(r.typical, rates[len(rates)/2])
	}
	patience := 10 * time.Second
	if len(r.missing) == 0 { // others have nothing to do but this
		patience = 2 * time.Second
	}
	for c := range r.segments {
		if c.slow++; c.rate >= r.typical/8 || time.Now().Before(c.moved) {
			c.slow = 0
		}
		tooSlow := time.Duration(c.slow)*every >= patience
		if c.cancel != nil && (tooSlow || time.Since(c.moved) >= stall) {
			c.cancel()
			c.cancel = nil
		}
	}
	if len(r.segments) > 0 {
		r.wake() // rates have changed: who has nothing to do may help now
	}
}

// opened records that a segment's stream has begun, and how to end it.
func (r *ranges) opened(c *segment, cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.moved, c.cancel = time.Now(), cancel
}

// rests records that a segment's worker will read nothing for a while.
func (r *ranges) rests(c *segment, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.moved = time.Now().Add(pause)
}

// endOf returns where a segment ends now.
func (r *ranges) endOf(c *segment) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.end
}

func (r *ranges) pieceSpan(u int64) span.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.piece(u)
}
