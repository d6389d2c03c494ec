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
func TestSlowStreamIsReplaced(t *testing.T) { synctest.Test(t, slowStreamIsReplaced) }

func slowStreamIsReplaced(t *testing.T) {
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
		wait(plan)
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
func TestSlowStreamIsHelped(t *testing.T) { synctest.Test(t, slowStreamIsHelped) }

func slowStreamIsHelped(t *testing.T) {
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
	wait(plan) // 4 MiB a second: the rest would take 0.75 s
	select {
	case <-changed:
	default:
		t.Error("who waits is not told to look again")
	}
	c, _ := plan.next(demand{connections: 4, rate: 8 * piece})
	if c == nil || c.end != end || c.off != slow.end || c.off <= slow.off {
		t.Fatalf("claimed %+v, want the second half of %d to %d", c, slow.off, end)
	}
}

// TestRequestsAreNotHelpedAtOnce holds that a request without an answer, or with one that has just come, is left alone for a
// while: nothing is known of its speed.
func TestRequestsAreNotHelpedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plan := newRanges(chunk, 64*piece, nil)
		c, _ := plan.next(demand{connections: 1, rate: 8 * piece, others: true})
		helped := func() bool {
			other, _ := plan.next(demand{connections: 4})
			return other != nil
		}
		if wait(plan); helped() {
			t.Error("a request of 0.25 s without an answer is helped")
		}
		time.Sleep(200 * time.Millisecond)
		plan.answered(c, -1)
		time.Sleep(50 * time.Millisecond)
		if plan.look(250*time.Millisecond, patience{idle: time.Hour}); helped() {
			t.Error("a stream of 0.05 s is helped")
		}
		if wait(plan); !helped() {
			t.Error("a stream that brings nothing is not helped")
		}
		plan = newRanges(chunk, 64*piece, nil)
		plan.next(demand{connections: 1, rate: 8 * piece, others: true})
		if time.Sleep(3 * time.Second); !helped() {
			t.Error("a request of 3 s without an answer is not helped")
		}
	})
}

// wait measures the streams after a while.
func wait(plan *ranges) {
	const every = 250 * time.Millisecond
	time.Sleep(every)
	plan.look(every, patience{idle: time.Hour})
}

// TestRequestedBytesAreLeftToTheirStream has other files wait for a connection: it is no help to break off what has been
// requested, while nobody has requested what a stream runs on to.
func TestRequestedBytesAreLeftToTheirStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plan := newRanges(4*chunk, 64*piece, nil)
		var segments []*segment
		for range 4 {
			c, _ := plan.next(demand{connections: 4, rate: 8 * piece, others: true})
			if c == nil || c.end-c.off != chunk {
				t.Fatalf("claimed %+v near the end, want as much as anywhere else", c)
			}
			plan.answered(c, -1)
			segments = append(segments, c)
		}
		plan.take(segments[0], piece)
		wait(plan)
		if c, _ := plan.next(demand{connections: 4, others: true}); c != nil {
			t.Errorf("claimed %d to %d of another's request, while other files wait", c.off, c.end)
		}
		if c, _ := plan.next(demand{connections: 4}); c == nil {
			t.Error("nothing claimed, while nothing else is to be fetched")
		}
		plan, first := started(t, 64*piece)
		end := first.end
		if c, _ := plan.next(demand{connections: 32, answers: true, others: true}); c == nil || c.off != end || first.end != end {
			t.Errorf("claimed %+v, want what follows the first segment, which ends at %d", c, end)
		}
		plan, _ = started(t, 64*piece)
		if c, _ := plan.next(demand{connections: 32}); c == nil || c.off != 32*piece {
			t.Errorf("claimed %+v, want the second half: more requests may be refused", c)
		}
	})
}

// TestFilesEndInTheirOrder has two files share a host: one that has had no connection gets the next one, then the first file
// gets all that it asks for. Who gives up a connection for another one is never seen not to want any.
func TestFilesEndInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHost(3, time.Time{})
		a, b := &Job{}, &Job{}
		got := make(chan *Job, 10)
		ask := func(j *Job, last *slot) {
			go func() {
				if _, err := h.acquire(t.Context(), j, last); err == nil {
					got <- j
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			ask(a, nil)
			<-got
		}
		ask(b, nil)
		ask(b, nil)
		if h.starves(a, time.Second) || !h.othersWait(a) {
			t.Error("it starves at once, or does not wait")
		}
		time.Sleep(time.Second)
		if !h.starves(a, time.Second) {
			t.Error("who waits for a first connection does not starve")
		}
		if ask(a, &slot{}); <-got != b {
			t.Error("want the file that has had none to be next")
		}
		if ask(a, &slot{}); <-got != a || h.starves(a, 0) || !h.othersWait(b) {
			t.Error("want the first file to be next, and to ask for more")
		}
	})
}

func TestHostRampsUpAndIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(16, time.Time{})
		var slots []*slot
		use := func(bytesPerConnection int) {
			for h.active < h.limit {
				s, err := h.acquire(t.Context(), &Job{}, nil)
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
		h.lower(0)
		h.lower(0) // the workers of all connections see a refusal at the same time
		if h.limit != 8 {
			t.Errorf("limit %d after a throttle, want 8", h.limit)
		}
		for _, s := range slots {
			h.release(s)
		}
		start := time.Now()
		if _, err := h.acquire(t.Context(), &Job{}, nil); err != nil || time.Since(start) < time.Second {
			t.Errorf("acquired after %v (%v), want 1s", time.Since(start), err)
		}
		time.Sleep(minProbe)
		if h.received(1); h.limit != 9 {
			t.Errorf("limit %d some seconds later, want 9", h.limit)
		}
	})
}

// TestHostThatCountsRequests says when to come back: it gets one request at a time, or as many as it is answering, each for
// all that is left, and is rarely asked for one more. So does a host that has never sent a byte.
func TestHostThatCountsRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const after = 10 * time.Second
		busy := func(answered int) *host {
			h := newHost(16, time.Time{})
			h.limit = 8
			for i := range h.limit {
				s, err := h.acquire(t.Context(), &Job{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if i < answered {
					h.answered(s)
				}
			}
			return h
		}
		h := busy(0)
		if h.lower(0); h.limit != 1 {
			t.Errorf("limit %d at a host that has sent nothing, want 1", h.limit)
		}
		h = busy(0)
		h.goodput = 1000
		if h.lower(0); h.limit != 4 {
			t.Errorf("limit %d where nothing says that requests are counted, want half", h.limit)
		}
		h = busy(0)
		h.goodput = 1000
		h.lower(after)
		if h.lower(after); h.limit != 1 || !h.wantsFew() {
			t.Errorf("limit %d, want 1", h.limit)
		}
		time.Sleep(maxProbe - time.Second)
		if h.received(1); h.limit != 1 {
			t.Errorf("asked for one more before %v", maxProbe)
		}
		time.Sleep(time.Second)
		if h.received(1); h.limit != 2 {
			t.Errorf("limit %d after %v, want 2", h.limit, maxProbe)
		}
		h = busy(6)
		if h.lower(after); h.limit != 6 || !h.wantsFew() {
			t.Errorf("limit %d beside 6 answers, want as many, and large requests", h.limit)
		}
		for h.limit < h.most {
			time.Sleep(maxProbe)
			h.received(1)
		}
		if h.wantsFew() || h.probe != minProbe {
			t.Error("it still wants few requests, after it has answered as many as there may be")
		}
		if h.lower(0); h.limit != 6 || h.wantsFew() {
			t.Errorf("limit %d, or few requests, after a refusal for another reason", h.limit)
		}
	})
}

func TestHostStaysWhereMoreBringsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(16, time.Time{})
		for range 8 {
			for h.active < h.limit {
				if _, err := h.acquire(t.Context(), &Job{}, nil); err != nil {
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

// TestEndWhileHashing has the end of an object found while its first bytes are being hashed,
// which the race detector watches.
func TestEndWhileHashing(t *testing.T) {
	t.Parallel()
	r := newRanges(-1, 64*piece, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.ended(1000)
	}()
	if n := r.piece(0).Len(); n != piece && n != 1000 {
		t.Errorf("a piece of %d bytes", n)
	}
	<-ended
	if n := r.piece(0).Len(); n != 1000 {
		t.Errorf("at the end, a piece of %d bytes", n)
	}
}
