package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// started returns a plan of an object, and the segment of the answer to its first request.
func started(t *testing.T, size int64) (*ranges, *segment) {
	t.Helper()
	r := newRanges(size, 64*piece, nil)
	c := r.segmentFor(span.Span{Start: 0, End: size})
	r.begins(c, func(error) {})
	r.answered(c, size)
	return r, c
}

// TestFirstAnswerDelivers holds that the first answer counts from the beginning on: others may
// be refused before anything of it was read.
func TestFirstAnswerDelivers(t *testing.T) {
	t.Parallel()
	r := newRanges(30*piece, 64*piece, nil)
	c := r.segmentFor(span.Span{Start: 0, End: 30 * piece})
	if !r.deliver() {
		t.Error("the first answer does not count before its stream is read")
	}
	if r.release(c); r.deliver() {
		t.Error("a stream that has ended counts")
	}
}

// bring lets the stream of a segment bring n bytes, and returns how many it could.
func bring(r *ranges, c *segment, n int64, few bool) (came, skipped int64) {
	for came < n {
		s := r.step(c, few, false)
		skipped += s.skip
		if s.n == 0 {
			break
		}
		_, k, _ := r.take(c, int(min(s.n, n-came)))
		came += int64(k)
	}
	return came, skipped
}

// TestFirstStreamRunsOn holds that one request brings all that no other has brought.
func TestFirstStreamRunsOn(t *testing.T) {
	t.Parallel()
	r, c := started(t, 30*piece)
	if n, _ := bring(r, c, 30*piece, false); n != 30*piece {
		t.Errorf("%d bytes, want all", n)
	}
	r, c = started(t, 30*piece)
	helper, _ := r.next(demand{connections: 4})
	if helper == nil || helper.off <= c.end {
		t.Fatalf("the helper begins at %+v, want it far from %d", helper, c.end)
	}
	var cause error
	r.begins(helper, func(err error) { cause = err })
	if n, _ := bring(r, c, 30*piece, false); n != 30*piece || !errors.Is(cause, errOvertaken) {
		t.Errorf("%d bytes, want those of a request without an answer too (ended: %v)", n, cause)
	}
	r, c = started(t, 30*piece)
	helper, _ = r.next(demand{connections: 4})
	begin := helper.off
	r.answered(helper, helper.end)
	if n, _ := bring(r, c, 30*piece, false); n != begin {
		t.Errorf("%d bytes, want those before %d, where another stream has begun", n, begin)
	}
}

// TestFewRequests holds what is asked for at a server that wants few requests: all that is
// left, and what is present once more where that is less than a pause costs.
func TestFewRequests(t *testing.T) {
	t.Parallel()
	r, _ := started(t, 30*piece)
	helper, _ := r.next(demand{connections: 1, few: true})
	if want := r.wanted(helper); want.End != 30*piece {
		t.Errorf("asks for %+v, want all to the end", want)
	}
	r, c := started(t, 30*piece)
	helper, _ = r.next(demand{connections: 4})
	r.answered(helper, helper.end)
	got := span.Span{Start: helper.off, End: helper.end}
	r.take(helper, int(got.Len()))
	r.wrote(got)
	r.release(helper)
	c.looks, c.rate = 1, 10*piece
	if n, skipped := bring(r, c, 30*piece, true); n != 30*piece-got.Len() || skipped != got.Len() {
		t.Errorf("%d bytes, %d skipped; want what is missing, and %d", n, skipped, got.Len())
	}
}

// TestOnlyStreamIsNotReplaced has a stream without others become slow after a burst, and then
// stand still.
func TestOnlyStreamIsNotReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRanges(100*piece, 64*piece, nil)
		r.whole = true
		c, _ := r.next(demand{connections: 4})
		var cause error
		r.begins(c, func(err error) { cause = err })
		r.answered(c, -1)
		p := patience{idle: DefaultIdleTimeout, stall: DefaultStallTimeout}
		look := func(d time.Duration, n int) {
			for end := time.Now().Add(d); time.Now().Before(end) && cause == nil; {
				time.Sleep(250 * time.Millisecond)
				r.take(c, n)
				r.look(250*time.Millisecond, p)
			}
		}
		look(10*time.Second, 4*piece/10)
		look(time.Hour, 1)
		if cause != nil {
			t.Fatalf("replaced: %v", cause)
		}
		begun := time.Now()
		look(time.Hour, 0)
		if waited := time.Since(begun); !errors.Is(cause, errIdle) || waited < time.Minute || waited >= DefaultStallTimeout {
			t.Errorf("ended after %v: %v; want some minutes of patience, and time for another try", waited, cause)
		}
	})
}

// TestRefusalsLowerTheLimit holds that a host keeps as many connections as it answers.
func TestRefusalsLowerTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHost(16, time.Time{})
		var slots []*slot
		for range startConnections {
			s, err := h.acquire(t.Context(), &Job{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			slots = append(slots, s)
		}
		h.answered(slots[0])
		for _, s := range slots[2:] {
			h.release(s)
			h.lower(0)
		}
		if h.limit != 1 {
			t.Errorf("limit %d beside one answer, want 1", h.limit)
		}
		if h.answered(slots[1]); h.limit != 2 || !h.wantsFew() {
			t.Errorf("limit %d after another answer, want 2", h.limit)
		}
		for _, want := range []time.Duration{minProbe, 2 * minProbe, 4 * minProbe} {
			begun := time.Now()
			for h.limit == 2 {
				time.Sleep(100 * time.Millisecond)
				h.received(1)
			}
			if waited := time.Since(begun); waited < want || waited > want+time.Second {
				t.Errorf("asked for one more after %v, want %v", waited, want)
			}
			h.lower(0)
		}
	})
}

// TestStreamPastItsEnd ends a stream that has read past the end of its segment, which another worker has moved meanwhile: it
// would write the bytes after those that it read in their place.
func TestStreamPastItsEnd(t *testing.T) {
	t.Parallel()
	r, c := started(t, 30*piece)
	read := r.step(c, false, false).n // the stream is in a read of so many bytes
	helper := r.cut(c, c.off+read/2, demand{connections: 2})
	r.began(helper)
	r.begins(helper, func(error) {}) // and is not answered yet
	if _, taken, more := r.take(c, int(read)); int64(taken) != read/2 || more {
		t.Fatalf("%d of %d bytes taken, more %v", taken, read, more)
	}
	if s := r.step(c, false, false); s.n != 0 || s.wait != nil {
		t.Errorf("the stream goes on with %+v, %d bytes from where it is", s, read-read/2)
	}
	if helper.off != read/2 {
		t.Errorf("the helper begins at %d, want %d", helper.off, read/2)
	}
}
