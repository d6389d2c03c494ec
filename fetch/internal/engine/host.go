package engine

import (
	"sync"
	"time"
)

const (
	startConnections = 4
	rampEvery        = 250 * time.Millisecond
	minRamp          = 50 * time.Millisecond // where every connection has had an answer by then
	rampGrowth       = 1.10
	minProbe         = 4 * time.Second // between a refusal and the next connection more
	maxProbe         = time.Minute     // where each one was refused, or requests are counted
)

// A host counts the connections to a server. They begin with a few, or one for each file, and
// double while that brings more bytes. A server that refuses one gets as many as it has
// answered, and is rarely asked for one more.
type host struct {
	window *window

	mu         sync.Mutex
	jobs       int    // that have asked for a connection
	waiting    []turn // in the order of arrival
	most       int
	limit      int
	active     int
	delivering int       // of the active ones: those that were answered
	start      time.Time // no request before, and nobody is to blame
	paused     time.Time // no request before

	answers int       // since tick
	bytes   int64     // since tick
	goodput float64   // bytes per second, between the best two ticks so far
	tick    time.Time // of the last look at the goodput

	few     bool          // a request was refused, and a like one answered: it is a matter of number
	quota   bool          // it has said when to come back: it counts requests
	refused time.Time     // the last time; zero: the limit was not lowered, or is what it was
	raised  time.Time     // when the limit was last lowered or raised
	probe   time.Duration // from then to the next connection more
}

// A slot is the right to have one request under way at a host.
type slot struct {
	answered bool
}

func newHost(most int, start time.Time) *host {
	return &host{
		window: newWindow(), most: most, limit: min(startConnections, most), start: start, paused: start, tick: time.Now(), probe: minProbe,
	}
}

// starting reports whether it is too early for the first request.
func (h *host) starting() bool { return time.Now().Before(h.start) }

// busy reports whether any request is under way, and whether it is known that the server
// refuses requests for their number.
func (h *host) busy() (busy, few bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active > 0, h.few
}

// matterOfNumber says that the server has refused a request, and answered a like one.
func (h *host) matterOfNumber() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.few = true
}

// wantsFew reports whether the server counts requests, or has refused some at few connections:
// each one more may cost a pause.
func (h *host) wantsFew() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.refused.IsZero() && (h.quota || h.limit <= startConnections)
}

// answersMore reports whether the server answers more requests at a time than it got at the
// start: it will hardly refuse the next one, and a stream that runs on is not what is left then.
func (h *host) answersMore() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.delivering > startConnections
}

// pause lets no request through for a while.
func (h *host) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := time.Now().Add(d); until.After(h.paused) {
		h.paused = until
	}
}

// lower takes a refusal for a limit: as many connections as are being answered. Where none is,
// it is half; one, if no byte has come yet, or if the server says to come back after so long
// (zero: it does not). Then it counts requests, and each one more may bring refusals to all
// clients with the same address: it is rarely asked for another connection.
func (h *host) lower(after time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	again := now.Sub(h.refused) < rampEvery // all workers hear of it at the same time
	switch {
	case h.delivering > 0:
		h.limit = min(h.limit, h.delivering)
	case after > 0, h.goodput == 0:
		h.limit = 1
	case !again:
		h.limit = max(1, h.limit/2)
	}
	if !h.refused.IsZero() && !again {
		h.probe = min(2*h.probe, maxProbe)
	}
	if after > 0 {
		h.quota, h.probe = true, maxProbe
	}
	h.refused, h.raised = now, now
}

// answered counts the answers to requests. A limit that fewer were answered at was too low.
func (h *host) answered(s *slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers++
	if !s.answered {
		s.answered = true
		h.delivering++
	}
	h.limit = max(h.limit, h.delivering)
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
	switch low := !h.refused.IsZero(); {
	case low && now.Sub(h.raised) < h.probe:
		return
	case low:
		h.raise(now)
	case h.active >= h.limit && rate >= rampGrowth*h.goodput:
		h.limit = min(2*h.limit, h.most)
	}
	h.goodput = max(h.goodput, rate)
	h.answers, h.bytes, h.tick = 0, 0, now
	h.grant()
}

// raise allows one connection more after a refusal.
func (h *host) raise(now time.Time) {
	h.limit++
	if h.raised = now; h.limit == h.most {
		h.refused, h.quota, h.probe = time.Time{}, false, minProbe
	}
}

// connections returns how many are allowed.
func (h *host) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.limit
}
