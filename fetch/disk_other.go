//go:build !linux

package fetch

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func allocate(f *os.File, size int64) error { return f.Truncate(size) }

func space(string) (free int64, tmpfs, ok bool) { return 0, false, false }

func mountPoint(string) bool { return false }

func allocated(string) int64 { return 0 }

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

func exchange(string, string) error { return errors.ErrUnsupported }
