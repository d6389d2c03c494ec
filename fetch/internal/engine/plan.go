package engine

import (
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// A demand says how the next segment is to be requested.
type demand struct {
	connections int     // that share what is left
	rate        float64 // bytes per second of the worker's last stream
	answers     bool    // the server answers more requests at a time than the first ones
	few         bool    // the server wants few requests: ask for as much as one can have
	others      bool    // other files wait for the connection: it has better to do than to help another one
}

// next returns the segment to fetch next. At the end of the read-ahead, or of the file, it
// takes a part of the segment that all others then wait for. It returns nil if there is
// nothing to fetch now, and a channel that is closed when that may have changed.
func (r *ranges) next(d demand) (*segment, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gap, ok := r.first()
	if ok {
		return r.began(r.claim(gap, d)), nil
	}
	if c := r.slowest(d); c != nil {
		return r.began(r.split(c, d)), nil
	}
	return nil, r.changed
}

// idle returns a channel that is closed when there may be something to fetch, nil if there is now.
func (r *ranges) idle(d demand) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.first(); ok || r.slowest(d) != nil {
		return nil
	}
	return r.changed
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

// first returns the first missing bytes, if they are within the read-ahead and no stream runs
// on there by itself. The caller holds mu.
func (r *ranges) first() (gap span.Span, ok bool) {
	for _, gap = range r.missing {
		switch {
		case gap.Start >= r.limit() && !r.whole:
			return gap, false
		case r.runner(gap.Start) == nil:
			return gap, true
		}
	}
	return gap, false
}

// chunk returns how many bytes to request: less near the end, so that all connections
// end together, unless there are other files for those that end first.
func (r *ranges) chunk(d demand) int64 {
	if d.connections == 0 {
		return chunk
	}
	n := min(int64(d.rate/2), chunk)
	if !d.others {
		n = min(n, r.missing.Total()/int64(2*d.connections))
	}
	return max(n/piece*piece, piece)
}

// slowest returns the segment that will take longest, if it is worth helping. A part that is small takes longer than a request
// of its own only where the stream is very slow. While other files wait, only a stream that runs on is helped, since nobody has
// requested what follows its segment: others would have to break off what they have requested. The caller holds mu.
func (r *ranges) slowest(d demand) *segment {
	const (
		worth = 0.2 // seconds: about what a new request costs where it matters
		slow  = 2.0 // seconds
	)
	var slowest *segment
	longest := 0.0
	for c := range r.segments {
		left := r.tail(c) - c.off
		measured := c.looks > 0 || left > chunk || time.Since(c.moved).Seconds() > slow
		if !measured || d.others && !r.runsOn(c) {
			continue
		}
		if t := float64(left) / max(c.rate, 1); t > longest && (left >= 2*minPart || t > slow && left > 1) {
			slowest, longest = c, t
		}
	}
	if r.whole || longest < worth {
		return nil
	}
	return slowest
}

// runsOn reports whether the stream of a segment will bring more than the segment. The caller
// holds mu.
func (r *ranges) runsOn(c *segment) bool { return r.tail(c) > c.end }

// split takes the end of what a stream will bring: half of it, or where the stream runs on, and
// many others have answers, all but the part of one connection. The caller holds mu.
func (r *ranges) split(c *segment, d demand) *segment {
	left, parts := r.tail(c)-c.off, int64(2)
	if r.runsOn(c) && d.answers {
		parts = max(parts, int64(d.connections))
	}
	middle := c.off + left/parts
	if near := (middle + piece/2) / piece * piece; c.off < near && near < r.tail(c) {
		middle = near // else there would be more pieces begun than connections, for a kill to lose
	} else if even := middle / minPart * minPart; even > c.off {
		middle = even
	}
	if d.others {
		middle = max(middle, c.end)
	}
	return r.cut(c, middle, d)
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
