package usererr

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
		{syscall.ENOSPC, "no space left on the volume", "enlarge the volume or its sizeLimit, or remove files"},
		{syscall.EDQUOT, "the quota of the volume is used up", "raise the quota, or remove files"},
		{syscall.EFBIG, "the file is larger than the file system or a limit (ulimit -f) allows", ""},
		{syscall.EROFS, "the file system is read-only", "mount a volume there without readOnly"},
		{syscall.EACCES, "permission denied", "check that this user can write to the volume (runAsUser, fsGroup)"},
		{syscall.EPERM, "permission denied", "check that this user can write to the volume (runAsUser, fsGroup)"},
		{syscall.EBUSY, "it is in use, or a mount point", "name a file or directory in the volume, not the mount point itself"},
		{syscall.EIO, "the disk or the file server failed", "check the log of the node"},
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
