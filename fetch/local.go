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

// refusal returns a LocalError in words of our own.
func refusal(text, hint string, err error) error {
	return permanent(&LocalError{&reason.Error{Text: text, Hint: hint, Err: err}})
}

// localError says what a file system refused. No retry clears it; what is there
// stays for the next run.
func localError(verb string, err error) error {
	what := "cannot " + verb + " the file: "
	if known := reason.Errno(err, []reason.Known{
		{Errno: syscall.ENOSPC, Text: "no space left on the volume", Hint: "a larger volume or sizeLimit, or remove what is not needed"},
		{Errno: syscall.EDQUOT, Text: "the quota of the volume is used up", Hint: "a larger quota, or remove what is not needed"},
		{Errno: syscall.EFBIG, Text: "the file is larger than the file system or a limit (ulimit -f) allows"},
		{Errno: syscall.EROFS, Text: "the file system is read-only", Hint: "mount a volume there, without readOnly"},
		{Errno: syscall.EACCES, Text: "permission denied", Hint: "is the volume writable by this user (runAsUser, fsGroup)?"},
		{Errno: syscall.EPERM, Text: "permission denied", Hint: "is the volume writable by this user (runAsUser, fsGroup)?"},
		{Errno: syscall.EBUSY, Text: "it is in use, or a mount point", Hint: "name a file or folder in the volume, not the mount point itself"},
		{Errno: syscall.EIO, Text: "the disk or the file server failed", Hint: "the log of the node may say more"},
	}); known != nil {
		return refusal(what+known.Text, known.Hint, err)
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // without the path, which the caller names
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		err = l.Err
	}
	return refusal(what+err.Error(), "", err)
}

// isLocal reports whether another source would fail as well.
func isLocal(err error) bool {
	_, ok := errors.AsType[*LocalError](err)
	return ok
}
