package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/bytesize"
)

// A file is the open file of a log.
type file struct {
	*os.File

	regular bool
	size    int64     // up to the last complete line
	first   int64     // sequence number of its first line; zero if it has none
	since   time.Time // of its first line
}

// fileMode lets a group read a log: that of the collector which ships it.
const fileMode = 0o640

// openFile opens or creates the file of a log, and locks it. It follows no link at path: another user of the volume may
// have put it there.
func openFile(path string) (*file, tail, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, fileMode)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ESPIPE) { // a device that cannot be read
		f, err = os.OpenFile(filepath.Clean(path), os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	}
	if errors.Is(err, syscall.ELOOP) {
		return nil, tail{}, errors.New("it is a symbolic link: name the file itself")
	}
	if err != nil {
		return nil, tail{}, err
	}
	own, end, err := inspect(f)
	if err != nil {
		_ = f.Close()
		return nil, tail{}, err
	}
	return own, end, nil
}

func inspect(f *os.File) (*file, tail, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, tail{}, err
	}
	own := &file{File: f, regular: info.Mode().IsRegular(), since: time.Now()}
	if !own.regular {
		return own, tail{}, nil
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, tail{}, errors.New("another process writes it")
	}
	end, err := readTail(f)
	if err != nil {
		return nil, tail{}, err
	}
	own.size, own.first = end.size, end.first.Seq
	if t, err := time.Parse(time.RFC3339Nano, end.first.Time); err == nil {
		own.since = t
	}
	return own, end, atomicfile.SyncFolder(filepath.Dir(f.Name()))
}

// write appends lines. If only a part of them could be written, it takes that back.
func (f *file) write(lines []byte) error {
	n, err := f.Write(lines)
	if err == nil {
		f.size += int64(n)
		return nil
	}
	if n > 0 && f.regular {
		if cutErr := f.Truncate(f.size); cutErr != nil {
			return &tornError{err}
		}
	}
	return err
}

// A tornError is a failed write that has left a part of a line.
type tornError struct{ err error }

func (e *tornError) Error() string { return e.err.Error() }
func (e *tornError) Unwrap() error { return e.err }

// changed says what became of the path of the file: "" if it is still this file.
func (f *file) changed() string {
	if !f.regular {
		return ""
	}
	own, err := f.Stat()
	if err != nil {
		return "lost"
	}
	now, err := os.Lstat(f.Name())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "removed"
	case err != nil:
		return "" // it cannot be seen for now
	case !os.SameFile(own, now):
		return "replaced"
	case own.Size() < f.size:
		return "truncated"
	}
	return ""
}

// checkSpace returns an error if less than a minimum is free on the volume.
func (f *file) checkSpace(minimum int64) error {
	if minimum == 0 || !f.regular {
		return nil
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return nil //nolint:nilerr // a file system that does not tell: the write itself will fail
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < minimum { //nolint:gosec,unconvert // other types on other systems
		return fmt.Errorf("only %s are free on the volume, --min-free is %s", bytesize.Text(free), bytesize.Text(minimum))
	}
	return nil
}
