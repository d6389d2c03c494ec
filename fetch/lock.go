package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/inith/inith/internal/retry"
)

const (
	lockPoll  = 250 * time.Millisecond
	heartbeat = 5 * time.Second  // of the holder of a lock
	deadAfter = 30 * time.Second // without a heartbeat, the holder is taken for dead
)

// lock makes this process the only one that fetches to the destination. Locks of
// dead processes end by themselves; where the file system does not see to that,
// or a holder is frozen, its heartbeat tells. A lock that fails costs bandwidth
// and no more: each process writes to a file of its own, or the same bytes. Locked
// tells if this process has the lock when it is to go on.
func (t *Transfer) lock(ctx context.Context) (unlock func(), err error) {
	told := false
	for {
		if err := os.MkdirAll(t.place.folder, 0o777); err != nil { //nolint:gosec // as other folders: less the umask
			return nil, &SourceError{t.Name(), t.place.dest, localError("make the folder for", err)}
		}
		f, held, err := t.tryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist): // the last holder has just removed the empty folder
		case err != nil:
			return nil, &SourceError{t.Name(), t.place.dest, localError("lock", err)}
		case f != nil:
			t.locked = held
			return holdLock(f), nil
		case !held:
			t.log.WarnContext(ctx, "the other process that fetches this file shows no sign of life: not waiting for it", "path", t.place.dest)
			return func() {}, nil
		case !told:
			t.log.InfoContext(ctx, "another process fetches this file: waiting for it", "path", t.place.dest)
			told = true
		}
		t.enter(Locked)
		if err := retry.Sleep(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}

// tryLock returns the file of the lock, and whether we hold it: not where there
// are no locks. It returns no file while another process has the lock, and whether
// that one lives.
func (t *Transfer) tryLock() (f *os.File, held bool, err error) {
	path := t.place.state(".lock")
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) //nolint:gosec // other users may fetch too
	if err != nil {
		return nil, false, err
	}
	locked, lockErr := tryLock(f)
	mine, now := fileInfo(f.Stat()), fileInfo(os.Stat(path))
	switch {
	case lockErr != nil:
		return f, false, nil //nolint:nilerr // no locks on this file system: go on without
	case locked && os.SameFile(mine, now):
		return f, true, nil
	}
	_ = f.Close()
	if locked || now == nil { // the last holder has just removed it
		return nil, true, nil
	}
	return nil, time.Since(now.ModTime()) < deadAfter, nil
}

// fileInfo drops the error of a stat: there is no file then.
func fileInfo(i fs.FileInfo, err error) fs.FileInfo {
	if err != nil {
		return nil
	}
	return i
}

// holdLock shows that the holder lives, until the lock is given back.
func holdLock(f *os.File) (unlock func()) {
	beat := func() {
		now := time.Now()
		_ = os.Chtimes(f.Name(), now, now)
	}
	beat()
	end := retry.Every(heartbeat, beat)
	return func() {
		end()
		_ = os.Remove(f.Name()) // while it is locked: who waits for it sees that it is gone
		_ = f.Close()
		_ = os.Remove(filepath.Dir(f.Name())) // if it is empty
	}
}
