package fetch

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	unit      = 1 << 20  // bytes that the journal counts by
	chunk     = 4 * unit // asked for at once
	maxWindow = 64 * unit
	leastPart = 128 << 10 // bytes that are worth a request of their own
)

// ranges plans the transfer of one file: which bytes are there, which are being
// fetched, and which to ask for next. Chunks go out in the order of offsets, and
// not far beyond what is verified, so that the hash follows closely and few pages
// wait for it.
type ranges struct {
	window int64
	whole  bool // the source gives all in one stream: one claim for all that is missing

	mu       sync.Mutex
	changed  chan struct{} // closed when there may be something to do
	size     int64         // bytes; -1: not known
	have     spans
	missing  spans // neither there nor claimed
	claims   map[*claim]bool
	verified int64   // all bytes before it are hashed
	typical  float64 // bytes per second of one stream
	resumed  int64   // the first byte that was missing at the start
}

// A claim is a span that a worker fetches.
type claim struct {
	off, end int64 // what is left of it; end shrinks when another worker helps
	again    int64 // bytes before off that its stream has brought once more
	rate     float64
	moved    time.Time // when the last byte came; later than now: it rests until then
	before   int64     // off and again at the last look
	looks    int
	slow     int    // looks in a row at which it was slow
	cancel   func() // its stream
}

func newRanges(size, window int64, have spans) *ranges {
	r := &ranges{window: window, size: size, changed: make(chan struct{}), claims: map[*claim]bool{}, have: have}
	end := size
	if size < 0 {
		end = math.MaxInt64
	}
	r.missing = have.gaps(end)
	r.resumed = r.have.prefix()
	return r
}

// wake lets workers look again. The caller holds mu.
func (r *ranges) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// next claims what to fetch next, with at most so many connections sharing what is
// left. Where the window ends, or the file, it helps what all then wait for. It
// returns nil if there is nothing now, and a channel that is closed when
// that may have changed.
func (r *ranges) next(connections int, rate float64) (*claim, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.first(connections, rate)
	if c == nil {
		c = r.split()
	}
	if c == nil {
		return nil, r.changed
	}
	return r.began(c), nil
}

func (r *ranges) began(c *claim) *claim {
	c.moved, c.before = time.Now(), c.off
	r.claims[c] = true
	return c
}

// claimFor claims what an answer that is there already can bring: the first
// missing bytes that are in it.
func (r *ranges) claimFor(s Span) *claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, gap := range r.missing {
		got := Span{max(gap.Start, s.Start), min(gap.End, s.End)}
		if r.whole {
			got.End = r.missing[len(r.missing)-1].End
		}
		if got.len() > 0 {
			r.missing = r.missing.remove(got)
			return r.began(&claim{off: got.Start, end: got.End})
		}
	}
	return nil
}

// first claims the first missing chunk, if it is in the window.
func (r *ranges) first(connections int, rate float64) *claim {
	if len(r.missing) == 0 {
		return nil
	}
	gap := r.missing[0]
	if r.whole {
		end := r.missing[len(r.missing)-1].End
		r.missing = nil
		return &claim{off: gap.Start, end: end}
	}
	limit := max(r.verified, r.resumed) + r.window
	if gap.Start >= limit {
		return nil
	}
	end := min(gap.End, limit, gap.Start+r.chunk(connections, rate))
	if end < gap.End {
		end = max(end/unit*unit, min(gap.End, gap.Start/unit*unit+unit)) // end where a unit ends
	}
	r.missing = r.missing.remove(Span{gap.Start, end})
	return &claim{off: gap.Start, end: end}
}

// chunk returns how much to ask for: less near the end, so that all connections
// end together.
func (r *ranges) chunk(connections int, rate float64) int64 {
	left := r.missing.total()
	fair := left / int64(2*connections)
	return min(max(min(fair, int64(rate/2))/unit*unit, unit), chunk)
}

// split takes the second half of what will take longest.
func (r *ranges) split() *claim {
	var slowest *claim
	longest := 0.0
	for c := range r.claims {
		left := c.end - c.off
		if left < 2*leastPart || c.looks == 0 { // too short, or too young to tell
			continue
		}
		if t := float64(left) / max(c.rate, 1); t > longest {
			slowest, longest = c, t
		}
	}
	const worth = 0.2 // seconds: about what a new request costs where it matters
	if slowest == nil || r.whole || longest < worth {
		return nil
	}
	middle := slowest.off + (slowest.end-slowest.off)/2
	if near := (middle + unit/2) / unit * unit; slowest.off < near && near < slowest.end {
		middle = near // else there would be more units begun than connections, for a kill to lose
	} else {
		middle = middle / leastPart * leastPart
	}
	if middle <= slowest.off {
		return nil
	}
	c := &claim{off: middle, end: slowest.end}
	slowest.end = middle
	return c
}

// take hands the worker of c the next n bytes, or fewer if c ends before. Then it
// must either write them and call [ranges.wrote], or fail the transfer.
func (r *ranges) take(c *claim, n int) (off int64, take int, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	off = c.off
	n = int(min(int64(n), c.end-c.off))
	c.off += int64(n)
	if n > 0 {
		c.moved = time.Now()
	}
	return off, n, c.off < c.end
}

// skipped says that the stream of c has brought n bytes that are not asked for, on
// its way to those that are.
func (r *ranges) skipped(c *claim, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.again += int64(n)
	c.moved = time.Now()
}

// wrote says that bytes are in the file. It returns the units that are complete
// with them, and whether they follow on the first byte without a gap.
func (r *ranges) wrote(s Span) (units []int64, ordered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.have.prefix()
	for u := s.Start / unit; u*unit < s.End; u++ {
		if r.have.contains(r.unit(u)) {
			continue
		}
		if r.have = r.have.add(Span{max(s.Start, u*unit), min(s.End, u*unit+unit)}); r.have.contains(r.unit(u)) {
			units = append(units, u)
		}
	}
	return units, s.Start == before
}

// unit returns the bytes of a unit.
func (r *ranges) unit(u int64) Span {
	s := Span{u * unit, u*unit + unit}
	if r.size >= 0 {
		s.End = min(s.End, r.size)
	}
	return s
}

// release gives back what is left of a claim.
func (r *ranges) release(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.claims, c)
	if c.off < c.end {
		r.missing = r.missing.add(Span{c.off, c.end})
	}
	r.wake()
}

// drop says that bytes are wrong, which were thought to be there.
func (r *ranges) drop(s Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.have = r.have.remove(s)
	r.missing = r.missing.add(s)
	r.wake()
}

// hashed says that all bytes before off are hashed.
func (r *ranges) hashed(off int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verified = off
	if len(r.missing) > 0 {
		r.wake()
	}
}

// ended says that the source has ended at size, which was not known before.
func (r *ranges) ended(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size = size
	for c := range r.claims {
		c.end = min(c.end, size)
	}
	r.missing = r.missing.remove(Span{size, math.MaxInt64})
	r.wake()
}

// prefix returns how many bytes from the first on are there.
func (r *ranges) prefix() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.have.prefix()
}

// done returns how many bytes are there in all, and whether these are all.
func (r *ranges) done() (n int64, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = r.have.total()
	return n, n == r.size
}

// busy returns how many claims are being fetched.
func (r *ranges) busy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.claims)
}

// spans is a set of bytes: sorted, disjoint, with gaps between them.
type spans []Span

func (s spans) prefix() int64 {
	if len(s) == 0 || s[0].Start > 0 {
		return 0
	}
	return s[0].End
}

func (s spans) total() int64 {
	var n int64
	for _, x := range s {
		n += x.len()
	}
	return n
}

// add returns the union of s and x.
func (s spans) add(x Span) spans {
	if x.Start >= x.End {
		return s
	}
	i, _ := slices.BinarySearchFunc(s, x.Start, func(a Span, off int64) int { return cmp.Compare(a.End, off) })
	j := i
	for ; j < len(s) && s[j].Start <= x.End; j++ {
		x = Span{min(x.Start, s[j].Start), max(x.End, s[j].End)}
	}
	return slices.Replace(s, i, j, x)
}

// remove returns s without the bytes of x.
func (s spans) remove(x Span) spans {
	if x.Start >= x.End {
		return s
	}
	var left spans
	for _, a := range s {
		if before := (Span{a.Start, min(a.End, x.Start)}); before.len() > 0 {
			left = append(left, before)
		}
		if after := (Span{max(a.Start, x.End), a.End}); after.len() > 0 {
			left = append(left, after)
		}
	}
	return left
}

// contains reports whether all bytes of x are in s.
func (s spans) contains(x Span) bool {
	i, _ := slices.BinarySearchFunc(s, x.End, func(a Span, off int64) int { return cmp.Compare(a.End, off) })
	return i < len(s) && s[i].Start <= x.Start
}

// gaps returns what of the bytes before size is not in s.
func (s spans) gaps(size int64) spans {
	left := spans{}.add(Span{0, size})
	for _, x := range s {
		left = left.remove(x)
	}
	return left
}
