package migrate

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/subprocess"
)

// A Command is a program that is started and awaited, with all that it starts in its process group.
type Command struct {
	Path      string   // of the program
	Argv, Env []string // the arguments begin with the program's name

	Stdout, Stderr *os.File // nil: those of this process
	Keep           *os.File // stays open in the command and in what it starts; nil: none
}

// A task is a command that a migration runs.
type task struct {
	Command

	what  string // "the command" or "the check"
	quiet bool   // stdin is empty, and stdout goes to stderr
}

func (m Migration) command() task { return task{Command: m.Command, what: "the command"} }

func (m Migration) check() task { return task{Command: m.Check, what: "the check", quiet: true} }

// run runs a command to its end, which comes early when its time is over or the
// lock is lost.
func (m Migration) run(ctx context.Context, t task, lock Lock) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx)) // a signal is the command's
	defer end(nil)
	if m.Shared { // which gets no signals
		stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
		defer stop()
	}
	if m.Timeout > 0 {
		timer := time.AfterFunc(m.Timeout, func() {
			m.Logger.WarnContext(ctx, "terminating the command: its time is over", "timeout", duration.Format(m.Timeout), "grace", duration.Format(m.Grace))
			end(&DeadlineError{Text: t.what + " has not ended", Flag: "timeout", Limit: m.Timeout})
		})
		defer timer.Stop()
	}
	kill := make(chan struct{})
	if lock != nil {
		t.Command = lock.Bind(t.Command)
		stop := m.watch(life, lock, func(err error, grace time.Duration) {
			m.Logger.ErrorContext(ctx, "terminating the command: the lock is lost", "lock", m.Name, "err", err, "grace", duration.Format(grace.Round(time.Millisecond)))
			end(&LostError{Lock: m.Name, Err: err})
			time.AfterFunc(grace, func() { close(kill) })
		})
		defer stop()
	}
	err := m.start(ctx, t, life.Done(), kill)
	if cause := context.Cause(life); cause != nil {
		return cause
	}
	return err
}

// start starts a command, and stays until nothing of its process group lives.
func (m Migration) start(ctx context.Context, t task, end, kill <-chan struct{}) error {
	err := subprocess.Command{
		Path: t.Path, Argv: t.Argv, Env: t.Env, Stdout: t.Stdout, Stderr: t.Stderr, Keep: t.Keep,
		Quiet: t.quiet, Shared: m.Shared, Group: true, End: end, Grace: m.Grace, Kill: kill,
		Lingering: func() {
			m.Logger.WarnContext(ctx, "the command has ended, but processes that it started have not: waiting for its process group")
		},
	}.Run(ctx)
	if e, ok := errors.AsType[*subprocess.ExitError](err); ok {
		return &ExitError{Code: e.Code}
	}
	return err
}
