package reason

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Local says what a file system refused. Its text does not have the path, which
// the caller names.
func Local(err error) *Error {
	if known := Errno(err, []Known{
		{syscall.ENOSPC, "no space left on the volume", "a larger volume or sizeLimit, or remove what is not needed"},
		{syscall.EDQUOT, "the quota of the volume is used up", "a larger quota, or remove what is not needed"},
		{syscall.EFBIG, "the file is larger than the file system or a limit (ulimit -f) allows", ""},
		{syscall.EROFS, "the file system is read-only", "mount a volume there, without readOnly"},
		{syscall.EACCES, "permission denied", "is the volume writable by this user (runAsUser, fsGroup)?"},
		{syscall.EPERM, "permission denied", "is the volume writable by this user (runAsUser, fsGroup)?"},
		{syscall.EBUSY, "it is in use, or a mount point", "name a file or folder in the volume, not the mount point itself"},
		{syscall.EIO, "the disk or the file server failed", "the log of the node may say more"},
	}); known != nil {
		return known
	}
	text := err
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		text = p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		text = l.Err
	}
	return &Error{Text: text.Error(), Err: err}
}
