package migrate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/retry"
)

const (
	releaseTry   = 1500 * time.Millisecond // that a try to release has
	releasePause = 500 * time.Millisecond  // until the next
)

// A leaseLock is a lease that we hold.
type leaseLock struct {
	*leaseLocker

	object  lease
	renewed time.Time // when the last renewal that has succeeded was sent
}

// A takenError says why a lease is not ours any more.
type takenError struct{ why string }

func (e *takenError) Error() string { return e.why }

// Check renews the lease. A failure to do so may be temporary. The lease is lost when another
// replica holds it, or when it has expired while we were frozen.
func (l *leaseLock) Check(ctx context.Context) error {
	if err := l.fresh(); err != nil {
		return err
	}
	err := l.renew(ctx)
	if err == nil {
		return nil
	}
	if _, taken := errors.AsType[*takenError](err); taken {
		return err
	}
	if since := time.Since(l.renewed); since >= leasePatience {
		return fmt.Errorf("not renewed for %v: %w", since.Round(time.Second), err)
	}
	l.log.WarnContext(ctx, "the lease is not renewed yet", "err", err)
	return nil
}

// fresh returns an error if another replica may hold the lease by now. It makes no request.
func (l *leaseLock) fresh() error {
	if time.Since(l.renewed) > l.duration-beat {
		return errors.New("this process was frozen for longer than the lease lasts")
	}
	return nil
}

// renew writes the time. A conflict means that a client has written since, which may have
// been us, if the answer was lost.
func (l *leaseLock) renew(ctx context.Context) (err error) {
	for range 2 {
		now := time.Now()
		l.object.Spec.RenewTime = microTime{now}
		err = l.update(ctx)
		if err == nil {
			l.renewed = now
		}
		if !kube.IsStatus(err, http.StatusConflict) {
			return err
		}
	}
	return err
}

func (l *leaseLock) tryUpdate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, releaseTry)
	defer cancel()
	return l.update(ctx)
}

// update writes the object. After a conflict, l has the current object, which is ours.
func (l *leaseLock) update(ctx context.Context) error {
	written, err := l.replace(ctx, l.object)
	if err == nil {
		l.object = written
		return nil
	}
	if kube.IsStatus(err, http.StatusConflict) {
		if rereadErr := l.reread(ctx); rereadErr != nil {
			err = rereadErr
		}
	}
	if kube.IsStatus(err, http.StatusNotFound) {
		return &takenError{"it was deleted"}
	}
	return err
}

// reread reads the object again, and returns nil if it is ours.
func (l *leaseLock) reread(ctx context.Context) error {
	there, err := l.get(ctx)
	if err != nil {
		return err
	}
	if holder := there.Spec.HolderIdentity; holder != l.identity {
		return &takenError{fmt.Sprintf("%s has it", hostOf(holder))}
	}
	l.object = there
	return nil
}

// Orphans returns none: a lease lasts until its holder's command has ended.
func (l *leaseLock) Orphans(context.Context, time.Duration) (int, error) { return 0, l.fresh() }

// Bind leaves the command as it is.
func (*leaseLock) Bind(c Command) Command { return c }

// Release removes the holder, so that no replica waits until the lease expires. It tries
// until ctx is done.
func (l *leaseLock) Release(ctx context.Context) error {
	for {
		l.object.Spec.HolderIdentity, l.object.Spec.LeaseDurationSeconds = "", 1
		err := l.tryUpdate(ctx)
		if _, taken := errors.AsType[*takenError](err); taken || err == nil {
			return nil
		}
		if retry.Sleep(ctx, releasePause) != nil {
			return err
		}
	}
}
