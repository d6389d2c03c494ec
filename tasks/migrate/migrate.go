// Package migrate runs a command while it holds a lock, so that of many replicas
// that start at once never two run it at the same time. See [Migration.Run].
package migrate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
)

const (
	poll      = time.Second      // between two tries to take a lock, at first
	beat      = 5 * time.Second  // between two checks that it is still ours, and the limit of one
	heartbeat = 15 * time.Second // between two log lines while waiting
)

// A Locker is a lock, which one of all the processes that name it can hold.
type Locker interface {
	// Try acquires the lock, or returns a [*HeldError] if another process holds it. Any
	// other error may be temporary, unless it is a [*RefusedError].
	Try(ctx context.Context) (Lock, error)
	// Close ends what Try has opened, when no lock is held.
	Close(ctx context.Context)
}

// A Lock is held. Its holder asks Check every few seconds.
type Lock interface {
	// Check returns nil if the lock is still ours.
	Check(ctx context.Context) error
	// Orphans counts the active sessions of the previous holder's command. within > 0
	// also counts those that were active during that period.
	Orphans(ctx context.Context, within time.Duration) (int, error)
	// Bind gives a command what ties it to the lock: environment variables, a file to keep open.
	Bind(c Command) Command
	// Release releases the lock.
	Release(ctx context.Context) error
}

// A Migration is a command that at most one process runs at a time. The zero
// durations are none.
type Migration struct {
	Name    string // of the lock, as it may be shown
	Locker  Locker
	Command Command
	Check   Command       // with exit code 0 nothing is pending; no Argv: there is none. Its stdout is stderr
	Wait    time.Duration // for the lock
	Timeout time.Duration // for the command, and for each check
	Grace   time.Duration // between TERM and KILL
	Logger  *slog.Logger  // nil: discard

	// Shared says that other commands run beside this one in the same process: its stdin is
	// empty, and signals of the process are left to the caller, who cancels the context.
	Shared bool
}

// Run acquires the lock, runs the command, and releases the lock when every process of the
// command has exited. If there is a check, Run runs it before it has the lock and again
// with it.
//
// It returns the [*ExitError] of the command; a [*DeadlineError] if a time limit passed; a [*LostError] if the lock was lost, and the command ended; the
// cause of ctx if that was done before the command started.
func (m Migration) Run(ctx context.Context) error {
	if m.Logger == nil {
		m.Logger = slog.New(slog.DiscardHandler)
	}
	defer m.Locker.Close(context.WithoutCancel(ctx))
	if done, err := m.nothingPending(ctx, nil); done || err != nil {
		return err
	}
	start := time.Now()
	lock, err := m.acquire(ctx)
	if err != nil {
		return err
	}
	m.Logger.InfoContext(ctx, "locked", "lock", m.Name, "elapsed_seconds", since(start))
	err = m.locked(ctx, lock)
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
	defer cancel()
	if releaseErr := lock.Release(release); releaseErr != nil {
		m.Logger.WarnContext(ctx, "lock not released: it becomes free when its connection or lease ends", "lock", m.Name, "err", releaseErr)
	}
	return err
}

// locked does what needs the lock.
func (m Migration) locked(ctx context.Context, lock Lock) error {
	if done, err := m.nothingPending(ctx, lock); done || err != nil {
		return err
	}
	if err := m.awaitOrphans(ctx, lock); err != nil {
		return err
	}
	start := time.Now()
	m.Logger.InfoContext(ctx, "command started", "timeout", duration.FormatLimit(m.Timeout))
	err := m.run(ctx, m.command(), lock)
	code := 0
	if e, ok := errors.AsType[*ExitError](err); ok {
		code = e.Code
	} else if err != nil {
		return err
	}
	m.Logger.InfoContext(ctx, "command ended", "exit_code", code, "elapsed_seconds", since(start))
	return err
}

// nothingPending runs the check, with the lock if that is not nil.
func (m Migration) nothingPending(ctx context.Context, lock Lock) (bool, error) {
	if len(m.Check.Argv) == 0 {
		return false, nil
	}
	err := m.run(ctx, m.check(), lock)
	if e, ok := errors.AsType[*ExitError](err); ok {
		if ctx.Err() != nil { // it was the signal that ended the check
			return false, context.Cause(ctx)
		}
		m.Logger.DebugContext(ctx, "pending", "exit_code", e.Code, "locked", lock != nil)
		return false, nil
	}
	if err == nil {
		m.Logger.InfoContext(ctx, "nothing pending", "locked", lock != nil)
	}
	return err == nil, err
}

// watch checks at every beat that the lock is still ours, until stop. If it is not, watch
// calls lost, once, with the time that the command has left: its last process must have
// exited after [Migration.dangerous], however late we notice the loss because we were
// frozen.
func (m Migration) watch(ctx context.Context, lock Lock, lost func(err error, grace time.Duration)) (stop func()) {
	ours := time.Now() // when it was, at the latest
	return retry.Every(beat, func() {
		if ctx.Err() != nil {
			return
		}
		asked := time.Now()
		err := check(ctx, lock)
		if err == nil {
			ours = asked
		} else if ctx.Err() == nil {
			lost(err, min(m.Grace, max(0, m.dangerous()-time.Since(ours))))
		}
	})
}

// dangerous is how long after the loss of a lock its command may live.
func (m Migration) dangerous() time.Duration { return 2*beat + m.Grace }

// check checks that the lock is ours, within a beat.
func check(ctx context.Context, lock Lock) error {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	return lock.Check(ctx)
}

// awaitOrphans waits until the sessions that an earlier holder's command left have ended.
func (m Migration) awaitOrphans(ctx context.Context, lock Lock) error {
	ctx, cancel := m.withWait(ctx, "the sessions or processes of an earlier run have not ended")
	defer cancel()
	start := time.Now()
	var reported time.Time
	for {
		within := m.dangerous()
		if time.Since(start) >= within {
			within = 0
		}
		n, err := lock.Orphans(ctx, within)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return &LostError{Lock: m.Name, Err: err}
		case n == 0:
			return nil
		case time.Since(reported) >= heartbeat:
			m.Logger.WarnContext(ctx, "waiting for sessions or processes of an earlier run", "lock", m.Name, "count", n)
			reported = time.Now()
		}
		if err := retry.Sleep(ctx, poll); err != nil {
			return err
		}
	}
}

// withWait bounds what comes before the command.
func (m Migration) withWait(ctx context.Context, what string) (context.Context, context.CancelFunc) {
	if m.Wait == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, m.Wait, &DeadlineError{Text: what, Flag: "lock-timeout", Limit: m.Wait})
}

func since(start time.Time) float64 { return float64(time.Since(start).Milliseconds()) / 1e3 }
