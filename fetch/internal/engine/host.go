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
	minProbe         = 4 * time.Second // between a refusal and the next connection more
	maxProbe         = time.Minute     // where each one was refused
)

// A host counts the connections to a server. They begin with a few and double while that
// brings more bytes. A server that refuses one gets as many as it has answered, and is rarely
// asked for one more.
type host struct {
	window *window

	mu         sync.Mutex
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
	refused time.Time     // the last time; zero: the limit was not lowered, or is what it was
	raised  time.Time     // when the limit was last lowered or raised
	probe   time.Duration // from then to the next connection more
}

// A turn is closed when a connection is free for the job that waits.
type turn struct {
	job  *Job
	come chan struct{}
}

// A slot is the right to have one request under way at a host.
type slot struct {
	job      *Job
	answered bool
}

func newHost(most int, start time.Time) *host {
	return &host{
		window: newWindow(), most: most, limit: min(startConnections, most), start: start, paused: start, tick: time.Now(), probe: minProbe,
	}
}

// acquire waits until a connection is free. Whoever waits longest gets it, so that no file
// starves.
func (h *host) acquire(ctx context.Context, j *Job) (*slot, error) {
	t := turn{j, make(chan struct{})}
	h.mu.Lock()
	h.waiting = append(h.waiting, t)
	h.grant()
	pause := time.Until(h.paused)
	h.mu.Unlock()
	for {
		timer := time.NewTimer(max(pause, time.Millisecond))
		if pause <= 0 {
			timer.Stop()
		}
		select {
		case <-t.come:
			timer.Stop()
			return &slot{job: j}, nil
		case <-timer.C:
			h.mu.Lock()
			h.grant()
			pause = time.Until(h.paused)
			h.mu.Unlock()
		case <-ctx.Done():
			timer.Stop()
			h.leave(t)
			return nil, context.Cause(ctx)
		}
	}
}

// insist is acquire, but does not wait for long where nothing shows that the server refuses
// requests for their number: the limit may be that of one who was refused for another reason.
func (h *host) insist(ctx context.Context, j *Job, wait time.Duration) (*slot, error) {
	h.mu.Lock()
	few := h.few
	h.mu.Unlock()
	if few {
		return h.acquire(ctx, j)
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s, err := h.acquire(short, j)
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active++
	return &slot{job: j}, nil
}

// grant assigns free connections to those who wait. The caller holds mu.
func (h *host) grant() {
	for len(h.waiting) > 0 && h.active < h.limit && !time.Now().Before(h.paused) {
		h.active++
		close(h.waiting[0].come)
		h.waiting = h.waiting[1:]
	}
}

// leave ends a wait, or releases what was granted at that moment.
func (h *host) leave(t turn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.waiting, t); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
		return
	}
	h.active--
	h.grant()
}

func (h *host) release(s *slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active--
	if s.answered {
		h.delivering--
	}
	h.grant()
}

// starting reports whether it is too early for the first request.
func (h *host) starting() bool { return time.Now().Before(h.start) }

// full reports whether all connections are in use. Whoever waits then, waits for other files
// and not for the server.
func (h *host) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active >= h.limit && !time.Now().Before(h.paused)
}

// othersWait reports whether other jobs than j wait for a connection.
func (h *host) othersWait(j *Job) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.waiting, func(t turn) bool { return t.job != j })
}

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

// wantsFew reports whether the server has refused requests at few connections: each one more
// may cost a pause.
func (h *host) wantsFew() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.refused.IsZero() && h.limit <= startConnections
}

// pause lets no request through for a while.
func (h *host) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := time.Now().Add(d); until.After(h.paused) {
		h.paused = until
	}
}

// lower takes a refusal for a limit: as many connections as are being answered, or half where
// none is.
func (h *host) lower() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	again := now.Sub(h.refused) < rampEvery // all workers hear of it at the same time
	switch {
	case h.delivering > 0:
		h.limit = min(h.limit, h.delivering)
	case !again:
		h.limit = max(1, h.limit/2)
	}
	if !h.refused.IsZero() && !again {
		h.probe = min(2*h.probe, maxProbe)
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
		h.refused, h.probe = time.Time{}, minProbe
	}
}

// connections returns how many are allowed.
func (h *host) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.limit
}
