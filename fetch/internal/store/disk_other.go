//go:build !linux

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// searchOnly opens a directory that may not be read: not here.
const searchOnly = 0

func allocate(f *os.File, size int64) error { return f.Truncate(size) }

func space(*directory) (free int64, tmpfs, ok bool) { return 0, false, false }

// MountPoint reports whether a file system is mounted at path, where the system says so.
func MountPoint(string) bool { return false }

func startWrite(*os.File, int64, int64) {}

func dropPages(*os.File, int64, int64) {}

func syncData(f *os.File) error { return f.Sync() }

func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func exchange(*directory, string, *directory, string) error { return errors.ErrUnsupported }

func shareLock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) }

func isShared(f *os.File) bool {
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func cloneFile(*os.File, *os.File) error { return errors.ErrUnsupported }

func copyRange(*os.File, *os.File, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }

func forgetPages(*os.File, int64, int64) {}
