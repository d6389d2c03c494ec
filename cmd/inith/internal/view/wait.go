package view

import (
	"fmt"
	"sync"
	"time"

	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/probe"
)

// A Wait shows how a wait is going.
type Wait struct {
	mu    sync.Mutex // of rows and view
	rows  []waitRow
	view  waitView
	every time.Duration // between two beats
}

// A waitRow is what is known of one target.
type waitRow struct {
	target *probe.Target
	last   probe.Event // zero before the first attempt
}

// A waitView is one of the two ways to show a wait.
type waitView interface {
	// begin shows the rows before the first attempt.
	begin(rows []waitRow)
	// event shows an attempt.
	event(e probe.Event)
	// beat shows the rows as time passes, and when the wait has ended.
	beat(rows []waitRow)
}

// NewWait returns the view of a wait. A quiet one, of a single attempt, logs no start.
func NewWait(o Output, targets []*probe.Target, timeout time.Duration, quiet bool) *Wait {
	w := &Wait{}
	for _, t := range targets {
		w.rows = append(w.rows, waitRow{target: t})
	}
	if o.Live() {
		w.view, w.every = &waitLive{screen: o.Screen, rows: o.Screen.Rows()}, redraw
		return w
	}
	w.view, w.every = &waitLog{log: o.Log, timeout: timeout, quiet: quiet, logged: map[loggedError]bool{}}, Heartbeat
	return w
}

// Start begins to show. Stop shows the end and returns when nothing more is written.
func (w *Wait) Start() (stop func()) {
	w.locked(w.view.begin)
	end := retry.Every(w.every, func() { w.locked(w.view.beat) })
	return func() {
		end()
		w.locked(w.view.beat)
	}
}

func (w *Wait) locked(f func(rows []waitRow)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.rows)
}

// Notify takes an event from the goroutine of a target.
func (w *Wait) Notify(e probe.Event) {
	w.locked(func(rows []waitRow) {
		w.view.event(e)
		rows[e.Index].last = e
	})
}

// Reached returns how many targets are ready, or down if that is asked.
func (w *Wait) Reached() int {
	n, _ := w.reached()
	return n
}

// Status returns how many targets are ready, and why the first of the others is not.
func (w *Wait) Status() string {
	ready, why := w.reached()
	return fmt.Sprintf("%d of %d %s%s", ready, len(w.rows), w.rows[0].target.Goal(), why)
}

// reached returns how many targets are ready, and why the first of the others is not.
func (w *Wait) reached() (ready int, why string) {
	w.locked(func(rows []waitRow) {
		for _, r := range rows {
			switch {
			case r.last.Done && r.last.Err == nil:
				ready++
			case r.last.Err != nil && why == "":
				why = "; " + r.target.Name + ": " + r.last.Err.Error()
			}
		}
	})
	return ready, why
}
