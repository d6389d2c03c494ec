package engine

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/fetch/internal/span"
)

// TestRangesCoverTheFile has workers that fail, help and give back at random, and
// holds that each byte is given out, and none far beyond the read-ahead.
func TestRangesCoverTheFile(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, size := range []int64{1, piece, 10*piece + 5, 200*piece + 1} {
		const readAhead = 16 * piece
		plan := newRanges(size, readAhead, nil)
		active := map[*segment]bool{}
		var verified int64
		for steps := 0; verified < size; steps++ {
			if steps > 1_000_000 {
				t.Fatal("it does not end")
			}
			if c, _ := plan.next(demand{connections: 8, rate: float64(r.IntN(20 * piece))}); c != nil {
				if c.end >= verified+readAhead+piece { // a segment ends where a piece ends
					t.Fatalf("a segment to %d, with %d verified", c.end, verified)
				}
				active[c] = true
			}
			for c := range active {
				off, n, more := plan.take(c, 1+r.IntN(piece))
				plan.wrote(span.Span{Start: off, End: off + int64(n)})
				if !more || r.IntN(10) == 0 {
					plan.release(c)
					delete(active, c)
				}
				break
			}
			if r.IntN(50) == 0 {
				plan.look(time.Second, patience{idle: time.Hour})
			}
			verified = plan.prefix()
			plan.hashed(verified)
		}
		if n, all := plan.done(); n != size || !all {
			t.Errorf("%d bytes: %d are there", size, n)
		}
	}
}

// TestLastStreamIsHelped has the only stream bring the last bytes, which are too few for a request of their own unless the stream
// is very slow.
func TestLastStreamIsHelped(t *testing.T) {
	t.Parallel()
	for perSecond, helped := range map[int]bool{1 << 10: true, 1 << 20: false} {
		synctest.Test(t, func(t *testing.T) {
			const size = 200 << 10
			plan := newRanges(size, 100*piece, nil)
			c, _ := plan.next(demand{connections: 1})
			plan.answered(c, -1)
			for range 4 {
				time.Sleep(250 * time.Millisecond)
				plan.take(c, min(perSecond/4, 1<<10))
				c.rate = float64(perSecond)
			}
			c.looks = 4
			other, _ := plan.next(demand{connections: 4})
			if (other != nil) != helped {
				t.Fatalf("a stream with %d bytes per second is helped: %t", perSecond, other != nil)
			}
			if helped && (other.off <= c.off || other.off != c.end || other.end != size) {
				t.Errorf("from %d to %d, and the other from %d to %d of %d", c.off, c.end, other.off, other.end, size)
			}
		})
	}
}

// TestSlowStreamIsReplaced has one of four streams stand nearly still.
func TestSlowStreamIsReplaced(t *testing.T) {
	plan := newRanges(100*piece, 100*piece, nil)
	var segments []*segment
	replaced := false
	for i := range 4 {
		c, _ := plan.next(demand{connections: 4, rate: 8 * piece})
		plan.begins(c, func(error) { replaced = replaced || i == 3 })
		plan.answered(c, -1)
		segments = append(segments, c)
	}
	for look := range 60 {
		for _, c := range segments[:3] {
			plan.take(c, 10<<10)
		}
		plan.take(segments[3], 10)
		plan.look(250*time.Millisecond, patience{idle: time.Hour})
		if replaced {
			if look < 39 {
				t.Errorf("replaced after %d looks, want 10 s of patience", look+1)
			}
			return
		}
	}
	t.Error("the slow stream is not replaced")
}

// TestSlowStreamIsHelped has three of four streams reach the end of the window,
// and the other one hold it up.
func TestSlowStreamIsHelped(t *testing.T) {
	plan := newRanges(100*piece, 4*chunk, nil)
	var segments []*segment
	for range 4 {
		c, _ := plan.next(demand{connections: 4, rate: 8 * piece})
		plan.begins(c, func(error) {})
		plan.answered(c, -1)
		segments = append(segments, c)
	}
	slow, end := segments[0], segments[0].end
	plan.take(slow, piece)
	for _, c := range segments[1:] {
		plan.take(c, chunk)
		plan.release(c)
	}
	if c, _ := plan.next(demand{connections: 4, rate: 8 * piece}); c != nil {
		t.Fatalf("claimed %d to %d, before it is known how fast the others are", c.off, c.end)
	}
	_, changed := plan.next(demand{connections: 4, rate: 8 * piece})
	plan.look(250*time.Millisecond, patience{idle: time.Hour}) // 4 MiB a second: the rest would take 0.75 s
	select {
	case <-changed:
	default:
		t.Error("who waits is not told to look again")
	}
	c, _ := plan.next(demand{connections: 4, rate: 8 * piece})
	if c == nil || c.end != end || c.off != slow.end || c.off <= slow.off {
		t.Errorf("claimed %+v, want the second half of %d to %d", c, slow.off, end)
	}
}

func TestHostRampsUpAndIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(16, time.Time{})
		var slots []*slot
		use := func(bytesPerConnection int) {
			for h.active < h.limit {
				s, err := h.acquire(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				slots = append(slots, s)
			}
			time.Sleep(rampEvery)
			h.received(bytesPerConnection * h.active)
		}
		for _, want := range []int{8, 16, 16} { // more connections bring more
			if use(1000); h.limit != want {
				t.Errorf("limit %d, want %d", h.limit, want)
			}
		}
		h.pause(time.Second)
		h.lower()
		h.lower() // all workers are told at the same time
		if h.limit != 8 {
			t.Errorf("limit %d after a throttle, want 8", h.limit)
		}
		for _, s := range slots {
			h.release(s)
		}
		start := time.Now()
		if _, err := h.acquire(t.Context(), nil); err != nil || time.Since(start) < time.Second {
			t.Errorf("acquired after %v (%v), want 1s", time.Since(start), err)
		}
		time.Sleep(minProbe)
		if h.received(1); h.limit != 9 {
			t.Errorf("limit %d some seconds later, want 9", h.limit)
		}
	})
}

func TestHostStaysWhereMoreBringsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(16, time.Time{})
		for range 8 {
			for h.active < h.limit {
				if _, err := h.acquire(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(rampEvery)
			h.received(1000)
		}
		if h.limit != 8 { // the first step has nothing to compare with
			t.Errorf("limit %d, want 8", h.limit)
		}
	})
}
