package main

import (
	"sync"
	"time"

	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/terminal"
	"github.com/inith/inith/probe"
)

// A progress shows how a wait is going, in one of two views.
type progress struct {
	mu    sync.Mutex // of rows and view
	rows  []progressRow
	view  view
	every time.Duration // between two beats
}

// A progressRow is what is known of one target.
type progressRow struct {
	target *probe.Target
	last   probe.Event // zero before the first attempt
}

// A view shows a progress to a person.
type view interface {
	// begin shows the rows before the first attempt.
	begin(rows []progressRow)
	// event shows an attempt.
	event(e probe.Event)
	// beat shows the rows as time passes, and when the wait has ended.
	beat(rows []progressRow)
}

func (w *waitJob) newProgress() *progress {
	p := &progress{}
	for _, t := range w.targets {
		p.rows = append(p.rows, progressRow{target: t})
	}
	if w.live() && !w.waiter.Once {
		_, plain := w.lookup("NO_COLOR")
		p.view, p.every = &liveView{rows: terminal.New(w.stderr, w.size, !plain)}, redraw
		return p
	}
	p.view, p.every = &logView{log: w.logger(), timeout: w.timeout, quiet: w.waiter.Once, logged: map[loggedText]bool{}}, heartbeat
	return p
}

// start begins to show. stop shows the end and returns when nothing more is
// written.
func (p *progress) start() (stop func()) {
	p.locked(p.view.begin)
	end := retry.Every(p.every, func() { p.locked(p.view.beat) })
	return func() {
		end()
		p.locked(p.view.beat)
	}
}

func (p *progress) locked(f func(rows []progressRow)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.rows)
}

// notify takes an event from the goroutine of a target.
func (p *progress) notify(e probe.Event) {
	p.locked(func(rows []progressRow) {
		p.view.event(e)
		rows[e.Index].last = e
	})
}
