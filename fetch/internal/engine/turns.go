package engine

import (
	"context"
	"slices"
	"time"
)

// A turn is closed when a connection is free for the job that waits.
type turn struct {
	job   *Job
	since time.Time
	come  chan struct{}
}

// A place is that of a job among those of its host, which guards it.
type place struct {
	number int  // in the order in which they asked first; zero: it has not asked
	served bool // it has had a connection
}

// acquire waits until a connection is free. Last, if it is not nil, is given up for it: between
// the two, nobody sees a host for whose connections the job does not wait.
func (h *host) acquire(ctx context.Context, j *Job, last *slot) (*slot, error) {
	t := turn{j, time.Now(), make(chan struct{})}
	h.mu.Lock()
	if j.place.number == 0 {
		h.jobs++
		j.place.number = h.jobs
	}
	h.waiting = append(h.waiting, t)
	if last != nil {
		h.free(last)
	}
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
			return &slot{}, nil
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
		return h.acquire(ctx, j, nil)
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s, err := h.acquire(short, j, nil)
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(j)
	return &slot{}, nil
}

// give assigns a connection to a job. The caller holds mu.
func (h *host) give(j *Job) {
	h.active++
	j.place.served = true
}

// free undoes give. The caller holds mu.
func (h *host) free(s *slot) {
	h.active--
	if s.answered {
		h.delivering--
	}
}

// grant assigns free connections to those who wait. The caller holds mu.
func (h *host) grant() {
	for len(h.waiting) > 0 && !time.Now().Before(h.paused) {
		i := h.next()
		t := h.waiting[i]
		if h.active >= h.allowed(t.job) {
			return
		}
		h.waiting = slices.Delete(h.waiting, i, i+1)
		h.give(t.job)
		close(t.come)
	}
}

// allowed returns how many connections there may be with one for j. The first one for a file is no attempt to be faster: as
// long as the server refuses none, there are as many as files. The caller holds mu.
func (h *host) allowed(j *Job) int {
	if !j.place.served && h.refused.IsZero() {
		return h.most
	}
	return h.limit
}

// next returns whose turn it is: of a job that has had no connection yet, so that the first
// answer for a file comes before the file ahead of it has ended; then of the job that came first,
// so that files end one after the other. Files that ended together would leave the path idle until
// the next ones have answers. The caller holds mu.
func (h *host) next() int {
	best := 0
	for i, t := range h.waiting {
		if t.job.place.before(h.waiting[best].job.place) {
			best = i
		}
	}
	return best
}

// before reports whether a job has its turn before another one.
func (p place) before(o place) bool {
	if p.served != o.served {
		return o.served
	}
	return p.number < o.number
}

// leave ends a wait, or releases what was granted at that moment.
func (h *host) leave(t turn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.waiting, t); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
		return
	}
	h.free(&slot{})
	h.grant()
}

func (h *host) release(s *slot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free(s)
	h.grant()
}

// full reports whether all connections are in use. A job that waits then, waits for other files
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

// starves reports whether another job than j has waited for its first connection for so long.
func (h *host) starves(j *Job, wait time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.waiting, func(t turn) bool {
		return t.job != j && !t.job.place.served && time.Since(t.since) >= wait
	})
}
