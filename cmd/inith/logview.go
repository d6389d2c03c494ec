package main

import (
	"log/slog"
	"time"

	"github.com/inith/inith/probe"
)

// heartbeat is the time between log lines while nothing changes.
const heartbeat = 15 * time.Second

// A logView writes log lines: one for each target at the start, one for each new
// state of it, and a heartbeat. Attempts are logged at level debug only.
type logView struct {
	log     *slog.Logger
	timeout time.Duration // zero: none
	quiet   bool          // no line at the start

	// What was logged of each target: one that flaps between two states is
	// left to the heartbeat.
	logged map[loggedText]bool
}

type loggedText struct {
	target *probe.Target
	text   string
}

func (v *logView) begin(rows []progressRow) {
	if v.quiet {
		return
	}
	for _, r := range rows {
		v.log.Info("waiting", "target", r.target.Name, "level", r.target.Level.String(), "timeout", shortDuration(v.timeout))
	}
}

func (v *logView) event(e probe.Event) {
	log := v.log.With("target", e.Target.Name, "level", e.Target.Level.String(), "attempt", e.Attempt, "elapsed", e.Elapsed.Round(time.Millisecond).String())
	switch {
	case e.Err == nil && e.Done:
		log.Info("ready")
	case e.Err == nil:
		log.Debug("ready, asking again")
	case e.Done: // the error is reported at the end
		log.Debug("gave up", "err", e.Err)
	case v.logged[loggedText{e.Target, e.Err.Error()}]:
		log.Debug("not ready", "err", e.Err)
	default:
		v.logged[loggedText{e.Target, e.Err.Error()}] = true
		log.Info("not ready", "err", e.Err)
	}
}

func (v *logView) beat(rows []progressRow) {
	for _, r := range rows {
		if r.last.Err == nil || r.last.Done {
			continue
		}
		v.log.Info("still waiting", "target", r.target.Name, "level", r.target.Level.String(), "attempt", r.last.Attempt,
			"elapsed", r.last.Elapsed.Round(time.Second).String(), "err", r.last.Err)
	}
}
