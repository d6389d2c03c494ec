package main

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/inith/inith/internal/display"
	"github.com/inith/inith/probe"
)

const (
	heartbeat   = 15 * time.Second       // between log lines while nothing changes
	redrawEvery = 100 * time.Millisecond // on a terminal
)

// A progress shows how a wait is going: on a terminal as rows that are redrawn,
// elsewhere as log lines.
type progress struct {
	mu     sync.Mutex
	rows   []progressRow
	begun  time.Time
	show   func(row *progressRow, e probe.Event) // one event
	tick   func()                                // time has passed
	every  time.Duration
	header func()
}

// A progressRow is what is known of one target.
type progressRow struct {
	target *probe.Target
	last   probe.Event
	shown  string // the text of the last error shown
}

func (w *waitJob) newProgress() *progress {
	p := &progress{begun: time.Now()}
	for _, t := range w.targets {
		p.rows = append(p.rows, progressRow{target: t})
	}
	if w.live() && !w.waiter.Once {
		_, plain := w.lookup("NO_COLOR")
		rows := display.New(w.stderr, w.width, !plain)
		draw := func() { _ = rows.Draw(p.drawing()) }
		p.every, p.tick, p.header = redrawEvery, draw, draw
		p.show = func(*progressRow, probe.Event) {}
		return p
	}
	l := &logLines{log: w.logger(), waitJob: w}
	p.every, p.show = heartbeat, l.event
	p.tick = func() { l.beat(p.rows) }
	p.header = l.begin
	return p
}

// start begins to show. stop shows the last state and returns when nothing more
// is written.
func (p *progress) start() (stop func()) {
	p.locked(p.header)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(p.every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				p.locked(p.tick)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		if p.every == redrawEvery {
			p.locked(p.tick)
		}
	}
}

func (p *progress) locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *progress) notify(e probe.Event) {
	p.locked(func() {
		row := &p.rows[e.Index]
		row.last = e
		p.show(row, e)
	})
}

// drawing returns the rows as they are drawn on a terminal.
func (p *progress) drawing() []display.Row {
	width := 0
	for _, r := range p.rows {
		width = max(width, len(r.target.Name))
	}
	var rows []display.Row
	for _, r := range p.rows {
		elapsed := time.Since(p.begun)
		if r.last.Done {
			elapsed = r.last.Elapsed
		}
		row := display.Row{Mark: "…", Color: display.Yellow}
		state := "waiting"
		switch {
		case r.last.Err != nil:
			state = r.last.Err.Error()
			if r.last.Done {
				row.Mark, row.Color = "✗", display.Red
			}
		case r.last.Done:
			state = "ready"
			row.Mark, row.Color = "✓", display.Green
		case r.last.Attempt > 0:
			state = "ready once, asking again"
		}
		row.Text = fmt.Sprintf("%-*s  %-5s  %4d  %6.1fs  %s", width, r.target.Name, r.target.Level, r.last.Attempt, elapsed.Seconds(), state)
		rows = append(rows, row)
	}
	return rows
}

// logLines writes log lines: one a target at the start, one when its state
// changes, and a heartbeat. Attempts are logged at level debug only.
type logLines struct {
	*waitJob
	log *slog.Logger
}

func (l *logLines) begin() {
	if l.waiter.Once {
		return
	}
	for _, t := range l.targets {
		l.log.Info("waiting", "target", t.Name, "level", t.Level.String(), "timeout", shortDuration(l.timeout))
	}
}

func (l *logLines) event(row *progressRow, e probe.Event) {
	attrs := []any{"target", e.Target.Name, "level", e.Target.Level.String(), "attempt", e.Attempt, "elapsed", e.Elapsed.Round(time.Millisecond).String()}
	switch {
	case e.Err == nil && e.Done:
		l.log.Info("ready", attrs...)
	case e.Err == nil:
		l.log.Debug("ready once", attrs...)
	case e.Done: // the error is reported at the end
		l.log.Debug("gave up", append(attrs, "err", e.Err)...)
	case e.Err.Error() != row.shown:
		row.shown = e.Err.Error()
		l.log.Info("not ready", append(attrs, "err", e.Err)...)
	default:
		l.log.Debug("not ready", append(attrs, "err", e.Err)...)
	}
}

func (l *logLines) beat(rows []progressRow) {
	for _, r := range rows {
		if r.last.Done || r.last.Attempt == 0 {
			continue
		}
		l.log.Info("still waiting", "target", r.target.Name, "level", r.target.Level.String(), "attempt", r.last.Attempt,
			"elapsed", r.last.Elapsed.Round(time.Second).String(), "err", r.last.Err)
	}
}
