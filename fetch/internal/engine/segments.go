package engine

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inith/inith/fetch/internal/span"
	"github.com/inith/inith/fetch/internal/store"
)

const (
	piece        = store.Piece
	chunk        = 4 * piece // asked for at once
	maxReadAhead = 64 * piece
	minPart      = 128 << 10 // bytes: the minimum for a request of its own
)

// ranges plans the transfer of one file: which bytes are present, which are being fetched,
// and which to request next. Chunks are requested in the order of offsets, and not far ahead
// of what is verified, so that the hash follows closely and few pages wait for it.
type ranges struct {
	readAhead int64
	whole     bool // the source gives all in one stream: one segment for all that is missing

	mu       sync.Mutex
	changed  chan struct{} // closed when there may be something to do
	size     atomic.Int64  // bytes; -1: not known until the source ends; changed under mu
	have     span.Set
	missing  span.Set // neither present nor in a segment
	segments map[*segment]bool
	verified int64   // all bytes before it are hashed
	typical  float64 // bytes per second of one stream among several
	resumed  int64   // the first byte that was missing at the start
	stalls   int     // streams that brought nothing and were replaced, since the last byte
}

// A segment is a span that a worker fetches.
type segment struct {
	begin    int64 // where it began
	off, end int64 // what is left of it; end shrinks when another worker helps
	reach    int64 // where its answer ends: its stream can run on until there
	again    int64 // bytes before off that its stream has brought once more
	open     bool  // it was requested, and the answer has come
	rate     float64
	opened   time.Time
	moved    time.Time // when the last byte came; later than now: it rests until then
	before   int64     // off and again at the last measurement
	looks    int
	slow     int               // consecutive measurements at which it was slow
	ended    bool              // its stream is being ended
	cancel   func(cause error) // its stream; nil: it has none yet
}

func newRanges(size, readAhead int64, have span.Set) *ranges {
	r := &ranges{readAhead: readAhead, changed: make(chan struct{}), segments: map[*segment]bool{}, have: have}
	r.size.Store(size)
	end := size
	if size < 0 {
		end = math.MaxInt64
	}
	r.missing = have.Gaps(end)
	r.resumed = r.have.Prefix()
	return r
}

// wake lets workers look again. The caller holds mu.
func (r *ranges) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// take assigns the next n bytes of c to its worker, or fewer if c ends before. The worker
// must either write them and call [ranges.wrote], or fail the transfer.
func (r *ranges) take(c *segment, n int) (off int64, take int, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	off = c.off
	if int64(n) > c.end-c.off { // another worker has taken the end meanwhile
		n = int(c.end - c.off)
		c.reach = c.end // the stream is past its segment, and cannot run on from there
	}
	c.off += int64(n)
	if n > 0 {
		c.moved, r.stalls = time.Now(), 0
	}
	return off, n, c.off < c.end
}

// skipped records that the stream of c has brought n bytes that were not requested, before
// those that were.
func (r *ranges) skipped(c *segment, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.again += int64(n)
	c.moved = time.Now()
}

// wrote records that bytes are in the file. It returns the pieces that are complete with
// them, and whether all bytes before them are present.
func (r *ranges) wrote(s span.Span) (pieces []int64, ordered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.have.Prefix()
	for u := s.Start / piece; u*piece < s.End; u++ {
		if r.have.Contains(r.piece(u)) {
			continue
		}
		if r.have = r.have.Add(span.Span{Start: max(s.Start, u*piece), End: min(s.End, u*piece+piece)}); r.have.Contains(r.piece(u)) {
			pieces = append(pieces, u)
		}
	}
	return pieces, s.Start == before
}

// piece returns the bytes of a piece.
func (r *ranges) piece(u int64) span.Span {
	s := span.Span{Start: u * piece, End: u*piece + piece}
	if size := r.size.Load(); size >= 0 {
		s.End = min(s.End, size)
	}
	return s
}

// release returns the rest of a segment to the missing bytes.
func (r *ranges) release(c *segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.segments, c)
	if r.delivering() && c.open && c.off-c.begin >= minPart {
		r.typical = max(r.typical, c.speed())
	}
	if c.off < c.end {
		r.missing = r.missing.Add(span.Span{Start: c.off, End: c.end})
	}
	r.wake()
}

// drop records that bytes are wrong which counted as present.
func (r *ranges) drop(s span.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.have = r.have.Remove(s)
	r.missing = r.missing.Add(s)
	r.wake()
}

// hashed records that all bytes before off are hashed.
func (r *ranges) hashed(off int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verified = off
	if len(r.missing) > 0 {
		r.wake()
	}
}

// hashing reports whether nothing is being fetched while present bytes are not hashed.
func (r *ranges) hashing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.segments) == 0 && r.verified < r.have.Prefix()
}

// ended records that the source has ended at size, which was not known before.
func (r *ranges) ended(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size.Store(size)
	for c := range r.segments {
		c.end = min(c.end, size)
	}
	r.missing = r.missing.Remove(span.Span{Start: size, End: math.MaxInt64})
	r.wake()
}

// prefix returns how many bytes from the first on are present.
func (r *ranges) prefix() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.have.Prefix()
}

// done returns how many bytes are present in total, and whether these are all.
func (r *ranges) done() (n int64, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = r.have.Total()
	return n, n == r.size.Load()
}

// busy returns how many segments are being fetched.
func (r *ranges) busy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.segments)
}
