package fetch

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/inith/inith/internal/reason"
)

// A LocalError tells what a file system refused. Another source would not help.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

func newLocalError(verb, text, hint string, err error) error {
	return permanent(&LocalError{&reason.Error{Text: "cannot " + verb + " the file: " + text, Hint: hint, Err: err}})
}

// localError says what a file system refused. No retry clears it; what is there
// stays for the next run.
func localError(verb string, err error) error {
	for _, known := range []struct {
		errno      syscall.Errno
		text, hint string
	}{
		{syscall.ENOSPC, "no space left on the volume", "a larger volume or sizeLimit, or remove what is not needed"},
		{syscall.EDQUOT, "the quota of the volume is used up", "a larger quota, or remove what is not needed"},
		{syscall.EFBIG, "the file is larger than the file system or a limit (ulimit -f) allows", ""},
		{syscall.EROFS, "the file system is read-only", "mount a volume there, without readOnly"},
		{syscall.EACCES, "permission denied", "is the volume writable by this user (runAsUser, fsGroup)?"},
		{syscall.EPERM, "permission denied", "is the volume writable by this user (runAsUser, fsGroup)?"},
		{syscall.EBUSY, "it is in use, or a mount point", "name a file or folder in the volume, not the mount point itself"},
		{syscall.EIO, "the disk or the file server failed", "the log of the node may say more"},
	} {
		if errors.Is(err, known.errno) {
			return newLocalError(verb, known.text, known.hint, err)
		}
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // without the path, which the caller names
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return newLocalError(verb, err.Error(), "", err)
}

// isLocal reports whether another source would fail as well.
func isLocal(err error) bool {
	_, ok := errors.AsType[*LocalError](err)
	return ok
}
