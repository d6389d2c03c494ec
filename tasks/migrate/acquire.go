package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/usererr"
)

// acquire tries to acquire the lock until it has it, less often the longer it waits. It
// logs the holder at first, when that changes, and as a heartbeat.
func (m Migration) acquire(ctx context.Context) (Lock, error) {
	outer := ctx
	ctx, cancel := m.withWait(ctx, "not locked")
	defer cancel()
	var last error
	var reported time.Time
	pauses := retry.NewProportional(0.05, poll, beat, 0.2)
	for {
		lock, err := m.Locker.Try(ctx)
		if err == nil {
			return lock, nil
		}
		if _, refused := errors.AsType[*RefusedError](err); refused {
			return nil, m.failed("cannot be locked", err)
		}
		if ctx.Err() == nil { // else it says only that the time is over
			if last == nil || last.Error() != err.Error() || time.Since(reported) >= heartbeat {
				m.report(ctx, err)
				reported = time.Now()
			}
			last = err
		}
		if err := retry.Sleep(ctx, pauses.NextBackOff()); err != nil {
			if outer.Err() == nil && last != nil {
				text := fmt.Sprintf("lock %s not taken: %v", m.Name, last)
				return nil, &usererr.Error{Text: text + ", after --lock-timeout of " + duration.Format(m.Wait), Hint: waitHint(last), Err: err}
			}
			return nil, err
		}
	}
}

// kept asks a server whether it keeps the lock that it has just granted, before a command relies on that. CockroachDB
// grants every advisory lock (https://github.com/cockroachdb/cockroach/issues/13546), and a proxy may ask other sessions.
func kept(ctx context.Context, lock Lock) (Lock, error) {
	err := lock.Check(ctx)
	if errors.Is(err, errNotHeld) {
		return nil, &RefusedError{&usererr.Error{
			Text: "the server grants locks that it does not keep, so that two replicas would hold it at the same time",
			Hint: "CockroachDB and some proxies do that. Use the lock of another server, or --lock k8s:///NAME.",
			Err:  err,
		}}
	}
	return lock, err
}

func (m Migration) failed(what string, err error) error {
	return &usererr.Error{Text: fmt.Sprintf("lock %s %s: %v", m.Name, what, err), Hint: usererr.Hint(err), Err: err}
}

// report logs why the lock is not acquired yet.
func (m Migration) report(ctx context.Context, err error) {
	held, ok := errors.AsType[*HeldError](err)
	if !ok {
		m.Logger.WarnContext(ctx, "no lock yet", "lock", m.Name, "err", err, "wait", duration.FormatLimit(m.Wait))
		return
	}
	attrs := []any{"lock", m.Name, "holder", held.Holder, "wait", duration.FormatLimit(m.Wait)}
	if !held.Since.IsZero() {
		attrs = append(attrs, "since", held.Since.UTC().Format(time.RFC3339))
	}
	m.Logger.InfoContext(ctx, "waiting for the lock", attrs...)
}

func waitHint(err error) string {
	if _, held := errors.AsType[*HeldError](err); held {
		return "set --lock-timeout to more than the longest migration takes; if the holder hangs, end it"
	}
	return usererr.Hint(err)
}
