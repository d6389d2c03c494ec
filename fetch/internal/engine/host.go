package engine

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	startConnections = 4
	rampEvery        = 250 * time.Millisecond
	minRamp          = 50 * time.Millisecond // where every connection has had an answer by then
	rampGrowth       = 1.10
	recoverEvery     = 2 * time.Second // between two connections more after a throttle
)

// A host counts the connections to a server. They begin with a few and double
// while that brings more bytes; a server that asks for less gets half.
type host struct {
	window *window

	mu      sync.Mutex
	waiting []chan struct{} // closed when it is one's turn, in the order of arrival
	most    int
	limit   int
	active  int
	paused  time.Time // no request before

	answers   int     // since tick
	bytes     int64   // since tick
	goodput   float64 // bytes per second, between the best two ticks so far
	tick      time.Time
	throttled time.Time // when it asked for less
}

func newHost(most int) *host {
	return &host{window: newWindow(), most: most, limit: min(startConnections, most), tick: time.Now()}
}

// acquire waits until a connection is free. Whoever waits longest gets it, so that no file
// starves.
func (h *host) acquire(ctx context.Context) error {
	turn := make(chan struct{})
	h.mu.Lock()
	h.waiting = append(h.waiting, turn)
	h.grant()
	pause := time.Until(h.paused)
	h.mu.Unlock()
	for {
		timer := time.NewTimer(max(pause, time.Millisecond))
		if pause <= 0 {
			timer.Stop()
		}
		select {
		case <-turn:
			timer.Stop()
			return nil
		case <-timer.C:
			h.mu.Lock()
			h.grant()
			pause = time.Until(h.paused)
			h.mu.Unlock()
		case <-ctx.Done():
			timer.Stop()
			h.leave(turn)
			return context.Cause(ctx)
		}
	}
}

// grant assigns free connections to those who wait. The caller holds mu.
func (h *host) grant() {
	for len(h.waiting) > 0 && h.active < h.limit && !time.Now().Before(h.paused) {
		h.active++
		close(h.waiting[0])
		h.waiting = h.waiting[1:]
	}
}

// leave ends a wait, or releases what was granted at that moment.
func (h *host) leave(turn chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.waiting, turn); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
		return
	}
	h.active--
	h.grant()
}

func (h *host) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active--
	h.grant()
}

// full reports whether all connections are in use. Whoever waits then, waits for other files
// and not for the server.
func (h *host) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active >= h.limit && !time.Now().Before(h.paused)
}

// throttle halves the connections, and lets no request through for a while.
func (h *host) throttle(pause time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if until := now.Add(pause); until.After(h.paused) {
		h.paused = until
	}
	if now.Sub(h.throttled) > rampEvery { // all workers hear of it at the same time
		h.limit = max(1, h.limit/2)
	}
	h.throttled = now
}

// answered counts the answers to requests.
func (h *host) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers++
}

// received counts bytes, and allows more connections when the last ones brought
// more.
func (h *host) received(n int) {
	now := time.Now()
	h.window.received(n, now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bytes += int64(n)
	elapsed := now.Sub(h.tick)
	if h.limit >= h.most || elapsed < minRamp || elapsed < rampEvery && h.answers < h.limit {
		return
	}
	rate := float64(h.bytes) / elapsed.Seconds()
	recovering := !h.throttled.IsZero()
	switch {
	case recovering && now.Sub(h.throttled) < recoverEvery:
		return
	case recovering:
		h.limit, h.throttled = h.limit+1, now
	case h.active >= h.limit && rate >= rampGrowth*h.goodput:
		h.limit = min(2*h.limit, h.most)
	}
	h.goodput = max(h.goodput, rate)
	h.answers, h.bytes, h.tick = 0, 0, now
	h.grant()
}

// connections returns how many are allowed.
func (h *host) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.limit
}
