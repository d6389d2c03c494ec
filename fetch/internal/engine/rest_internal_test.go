package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestStartJitter has the first request wait, which is no stall.
func TestStartJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const jitter = time.Hour
		e := &Engine{StartJitter: jitter}
		h, begun := e.host("a"), time.Now()
		wait := h.start.Sub(begun)
		if wait < 0 || wait > jitter || e.host("b").start != h.start {
			t.Fatalf("the first request is sent after %v, that to another host after %v", wait, e.host("b").start.Sub(begun))
		}
		j := &Job{Engine: e, Progress: NewProgress(), host: h}
		ctx, stop := watchdog(t.Context(), j)
		defer stop()
		if s, err := j.acquire(ctx); err != nil || time.Since(begun) < wait || time.Since(begun) > wait+time.Second {
			t.Fatalf("%v after %v, want %v", err, time.Since(begun), wait)
		} else {
			j.release(s)
		}
		time.Sleep(time.Until(h.start.Add(e.stallTimeout() + time.Second)))
		if ctx.Err() == nil { // from then on, it is one
			t.Error("nothing came, and that was no stall")
		}
	})
}

// TestRest asks many clients to come back at the same time.
func TestRest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ asked, longest, least, most time.Duration }{
		{8 * time.Second, 30 * time.Second, 8 * time.Second, 9 * time.Second},
		{time.Hour, 32 * time.Second, 28 * time.Second, 32 * time.Second},
		{0, 30 * time.Second, 0, 0},
		{time.Hour, 1, 1, 1},
	} {
		seen := map[time.Duration]bool{}
		for range 1000 {
			got := restFor(tt.asked, tt.longest)
			if seen[got] = true; got < tt.least || got > tt.most {
				t.Fatalf("asked for %v, at most %v: %v", tt.asked, tt.longest, got)
			}
		}
		if tt.most > tt.least && len(seen) < 900 {
			t.Errorf("asked for %v, at most %v: 1000 clients come back at %d times", tt.asked, tt.longest, len(seen))
		}
	}
}
