package engine

import (
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// A demand says how the next segment is to be requested.
type demand struct {
	connections int     // that share what is left
	rate        float64 // bytes per second of the worker's last stream
	few         bool    // the server wants few requests: ask for as much as one can have
}

// next returns the segment to fetch next. At the end of the read-ahead, or of the file, it
// takes a part of the segment that all others then wait for. It returns nil if there is
// nothing to fetch now, and a channel that is closed when that may have changed.
func (r *ranges) next(d demand) (*segment, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.first(d)
	if c == nil {
		c = r.split(d)
	}
	if c == nil {
		return nil, r.changed
	}
	return r.began(c), nil
}

func (r *ranges) began(c *segment) *segment {
	c.moved, c.before = time.Now(), c.off
	r.segments[c] = true
	return c
}

// segmentFor returns the segment for an answer that has come already: the first missing
// bytes that it holds. Its stream runs on, so other workers may begin right behind it.
func (r *ranges) segmentFor(s span.Span) *segment {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, gap := range r.missing {
		got := span.Span{Start: max(gap.Start, s.Start), End: min(gap.End, s.End)}
		if got.Len() > 0 || r.whole {
			c := r.began(r.claim(got, demand{}))
			c.open, c.opened = true, c.moved
			return c
		}
	}
	return nil
}

// claim makes the beginning of missing bytes a segment. The caller holds mu.
func (r *ranges) claim(s span.Span, d demand) *segment {
	if r.whole {
		s.End = r.missing[len(r.missing)-1].End
		r.missing = nil
		return &segment{begin: s.Start, off: s.Start, end: s.End, reach: s.End}
	}
	end := min(s.End, r.limit(), s.Start+r.chunk(d))
	if end < s.End {
		end = max(end/piece*piece, min(s.End, s.Start/piece*piece+piece)) // end where a piece ends
	}
	r.missing = r.missing.Remove(span.Span{Start: s.Start, End: end})
	c := &segment{begin: s.Start, off: s.Start, end: end, reach: end}
	if d.few || d.connections == 0 {
		c.reach = s.End
	}
	return c
}

// limit returns the end of the read-ahead.
func (r *ranges) limit() int64 { return max(r.verified, r.resumed) + r.readAhead }

// first returns the first missing chunk as a segment, if it is within the read-ahead and
// no stream runs on there by itself.
func (r *ranges) first(d demand) *segment {
	for _, gap := range r.missing {
		switch {
		case gap.Start >= r.limit() && !r.whole:
			return nil
		case r.runner(gap.Start) == nil:
			return r.claim(gap, d)
		}
	}
	return nil
}

// chunk returns how many bytes to request: less near the end, so that all connections
// end together.
func (r *ranges) chunk(d demand) int64 {
	if d.connections == 0 {
		return chunk
	}
	left := r.missing.Total()
	fair := left / int64(2*d.connections)
	return min(max(min(fair, int64(d.rate/2))/piece*piece, piece), chunk)
}

// split takes the second half of what will take longest. A part that is small takes longer than a request of its own only where
// the stream is very slow.
func (r *ranges) split(d demand) *segment {
	const (
		worth = 0.2 // seconds: about what a new request costs where it matters
		slow  = 2.0 // seconds
	)
	var slowest *segment
	longest := 0.0
	for c := range r.segments {
		left := r.tail(c) - c.off
		if c.looks == 0 && left <= chunk { // not measured yet
			continue
		}
		if t := float64(left) / max(c.rate, 1); t > longest && (left >= 2*minPart || t > slow && left > 1) {
			slowest, longest = c, t
		}
	}
	if slowest == nil || r.whole || longest < worth {
		return nil
	}
	middle := slowest.off + (r.tail(slowest)-slowest.off)/2
	if near := (middle + piece/2) / piece * piece; slowest.off < near && near < r.tail(slowest) {
		middle = near // else there would be more pieces begun than connections, for a kill to lose
	} else if even := middle / minPart * minPart; even > slowest.off {
		middle = even
	}
	return r.cut(slowest, middle, d)
}

// cut makes what is left of a segment from middle on another one.
func (r *ranges) cut(c *segment, middle int64, d demand) *segment {
	if middle < c.end {
		r.missing = r.missing.Add(span.Span{Start: middle, End: c.end})
		c.end = middle
	}
	for _, gap := range r.missing {
		if gap.End > middle {
			return r.claim(span.Span{Start: middle, End: gap.End}, d)
		}
	}
	return nil // never: the bytes from middle on were those of c
}
