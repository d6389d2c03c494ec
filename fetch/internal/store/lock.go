package store

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/inith/inith/internal/retry"
)

const (
	lockSuffix = ".lock"
	lockPoll   = 250 * time.Millisecond
	heartbeat  = 5 * time.Second  // of the holder of a lock
	deadAfter  = 30 * time.Second // without a heartbeat, the holder counts as dead
)

// Lock makes this process the only one that writes to the destination. Waiting is
// called while another one has the lock.
//
// The system releases the lock of a dead process. Where the file system does not see
// to that, or where a holder is frozen, the missing heartbeat tells. A lock that fails
// costs bandwidth and no more: each process writes to a file of its own, or the same
// bytes.
func (d *Destination) Lock(ctx context.Context, log *slog.Logger, waiting func()) (unlock func(), err error) {
	logged := false
	for {
		if err := d.Create(); err != nil {
			return nil, err
		}
		l, err := d.tryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist): // another process just removed or created it
		case err != nil:
			return nil, refused("lock", err)
		case l.f != nil:
			d.locked = l.held
			return d.hold(l.f), nil
		case !l.alive:
			log.WarnContext(ctx, "the other process that fetches this file shows no sign of life: not waiting for it", "path", d.Path)
			return func() {}, nil
		case !logged:
			log.InfoContext(ctx, "another process fetches this file: waiting for it", "path", d.Path)
			logged = true
		}
		waiting()
		if err := retry.Sleep(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}

// A lockState is what came of an attempt to lock.
type lockState struct {
	f     *os.File // the file of the lock; nil: another process has the lock
	held  bool     // we hold it; false with a file: this file system has no locks
	alive bool     // the other process
}

func (d *Destination) tryLock() (lockState, error) {
	f, err := d.openLock()
	if err != nil {
		return lockState{}, err
	}
	locked, lockErr := tryLock(f)
	mine := identityOf(f)
	now, nowErr := d.shared.lstat(d.state + lockSuffix)
	switch {
	case lockErr != nil:
		return lockState{f: f}, nil //nolint:nilerr // no locks on this file system: work without
	case locked && nowErr == nil && mine.sameFile(now.identity()):
		return lockState{f: f, held: true}, nil
	}
	_ = f.Close()
	if locked || nowErr != nil {
		return lockState{alive: true}, nil //nolint:nilerr // the last holder has just removed it
	}
	return lockState{alive: time.Since(now.modified()) < deadAfter}, nil
}

// openLock opens the file of the lock, or creates it. Other users may lock it where
// they may write to the directory.
func (d *Destination) openLock() (*os.File, error) {
	name := d.state + lockSuffix
	f, err := d.shared.openOwn(name, os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	return d.shared.createShared(name)
}

// hold shows that the holder lives, until the lock is released.
func (d *Destination) hold(f *os.File) (unlock func()) {
	beat := func() { _, _ = f.WriteAt([]byte("\n"), 0) } // which sets the time of modification
	beat()
	end := retry.Every(heartbeat, beat)
	return func() {
		end()
		d.removeLock(f)
		_ = f.Close()
		d.locked = false
		if d.shared != nil { // if they are empty
			_ = d.shared.removeDirectory(ownName())
			_ = d.parent.removeDirectory(sharedName)
		}
	}
}

// removeLock removes the file of the lock while it is locked: who waits for it sees
// that it is gone. Another process may have replaced it.
func (d *Destination) removeLock(f *os.File) {
	if d.shared == nil {
		return
	}
	now, err := d.shared.lstat(d.state + lockSuffix)
	if err == nil && now.identity().sameFile(identityOf(f)) {
		_ = d.shared.remove(d.state + lockSuffix)
	}
}

// Tidy removes what processes that were killed have left of the destination, unless
// another process is at work there.
func (d *Destination) Tidy() {
	if d.own == nil || !d.untidy() {
		return
	}
	l, err := d.tryLock()
	if err != nil || l.f == nil {
		return
	}
	if l.held {
		d.locked = true
		d.adoptReceipt()
		d.Clean()
	}
	d.hold(l.f)()
}

func (d *Destination) untidy() bool {
	return len(d.all("")) > 0 || d.own.exists(d.state+pendingSuffix) || d.shared.exists(d.state+lockSuffix)
}
