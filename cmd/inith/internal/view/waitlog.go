package view

import (
	"errors"
	"log/slog"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/probe"
)

// A waitLog writes log lines: one for each target at the start, one for each new state of it, and a heartbeat. It logs
// attempts at level debug only.
type waitLog struct {
	log     *slog.Logger
	timeout time.Duration // zero: none
	quiet   bool          // no line at the start

	// What was logged of each target: one that flaps between two states is left to the heartbeat.
	logged map[loggedError]bool
}

type loggedError struct {
	target *probe.Target
	text   string
}

func (v *waitLog) begin(rows []waitRow) {
	if v.quiet {
		return
	}
	for _, r := range rows {
		log := v.log.With("target", r.target.Name, "readiness", r.target.Level.String(), "timeout", duration.FormatLimit(v.timeout))
		if r.target.Down {
			log.Info("waiting until down")
		} else {
			log.Info("waiting")
		}
	}
}

func (v *waitLog) event(e probe.Event) {
	log := v.log.With("target", e.Target.Name, "readiness", e.Target.Level.String(), "attempt", e.Attempt, "elapsed_seconds", Seconds(e.Elapsed))
	switch {
	case e.Err == nil && e.Done && e.Target.Down:
		log.Info("down")
	case e.Err == nil && e.Done:
		log.Info("ready")
	case e.Err == nil:
		log.Debug("as asked for, asking again")
	case e.Done: // the error is reported at the end
		log.Debug("gave up", "err", e.Err)
	case v.logged[loggedError{e.Target, e.Err.Error()}]:
		log.Debug("not ready", "err", e.Err)
	case e.Target.Down:
		v.first(e)
		log.Info("not down", "err", e.Err)
	default:
		v.first(e)
		log.Info("not ready", refused(e.Err)...)
	}
}

// refused returns what to log of an error: with the advice if credentials were refused, which time does not mend.
func refused(err error) []any {
	attrs := []any{"err", err}
	if _, ok := errors.AsType[*probe.RejectedError](err); ok && probe.Hint(err) != "" {
		attrs = append(attrs, "hint", probe.Hint(err))
	}
	return attrs
}

// first notes that the error of an attempt is logged.
func (v *waitLog) first(e probe.Event) { v.logged[loggedError{e.Target, e.Err.Error()}] = true }

func (v *waitLog) beat(rows []waitRow) {
	for _, r := range rows {
		if r.last.Err == nil || r.last.Done {
			continue
		}
		v.log.Info("still waiting", "target", r.target.Name, "readiness", r.target.Level.String(), "attempt", r.last.Attempt,
			"elapsed_seconds", Seconds(r.last.Elapsed), "err", r.last.Err)
	}
}
