package migrate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// maxNote bounds what is read of a lock file, in bytes.
const maxNote = 512

// A fileLocker locks a file by flock(2). The command has the file open too, so
// that the lock lasts as long as the command, even if we are killed.
type fileLocker struct {
	path string
	host string
}

func newFile(path, host string) (Locker, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("want an absolute path, as in file:///shared/migrate.lock")
	}
	return &fileLocker{path: path, host: host}, nil
}

func (*fileLocker) Close(context.Context) {}

func (l *fileLocker) Try(ctx context.Context) (Lock, error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o666) //nolint:gosec // less the umask, for replicas of other users
	if errors.Is(err, os.ErrPermission) {
		f, err = os.Open(l.path) // the file of another user: enough to lock it where the kernel keeps the locks
	}
	if err != nil {
		return nil, l.refused(err)
	}
	lock, err := l.lock(ctx, f)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return lock, nil
}

// lock locks the open file, if the path still leads to it afterwards: another
// process may have removed or replaced it since it was opened, and then locks
// another file.
func (l *fileLocker) lock(ctx context.Context, f *os.File) (*fileLock, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, readNote(f).held()
	}
	if err != nil {
		return nil, l.refused(err)
	}
	lock := &fileLock{f: f, path: l.path, mark: rand.Text(), earlier: readNote(f).mark}
	if err := lock.Check(ctx); err != nil {
		return nil, err
	}
	lock.sign(l.host)
	return lock, nil
}

// refused explains what the file system refuses. Only a missing directory may still be
// created.
func (*fileLocker) refused(err error) error {
	if known := usererr.Errno(err, []usererr.Known{
		{Errno: syscall.ENOENT, Text: "its directory does not exist", Hint: "check that the volume is mounted"},
	}); known != nil {
		return known
	}
	known := usererr.Errno(err, []usererr.Known{
		{Errno: syscall.ENOLCK, Text: "the volume does not support locks", Hint: "use another volume, or a lock in the database"},
		{Errno: syscall.ENOSYS, Text: "the volume does not support locks", Hint: "use another volume, or a lock in the database"},
		{Errno: syscall.EOPNOTSUPP, Text: "the volume does not support locks", Hint: "use another volume, or a lock in the database"},
		{Errno: syscall.EISDIR, Text: "it is a directory", Hint: "name a file in it"},
	})
	if known == nil {
		known = usererr.Local(err)
	}
	return &RefusedError{Err: known}
}

// A fileLock is a file that we have locked.
type fileLock struct {
	f       *os.File
	path    string
	mark    string // by which a successor finds what is left of our command
	earlier string // that of the holder before us, "" if it has released the lock
}

// Check checks that the path still leads to the file: otherwise other replicas lock
// another one.
func (l *fileLock) Check(context.Context) error {
	ours, err := l.f.Stat()
	if err != nil {
		return usererr.Local(err)
	}
	there, err := os.Stat(l.path)
	if err != nil || !os.SameFile(ours, there) {
		return errors.New("the file was removed or replaced")
	}
	return nil
}

// Orphans counts the processes that the command of a holder that was killed has left, as far as this one can see them: most
// have the file open, so that it stays locked, but some programs close what they inherit.
func (l *fileLock) Orphans(context.Context, time.Duration) (int, error) {
	if l.earlier == "" {
		return 0, nil
	}
	return processesWith(os.DirFS("/proc"), markVariable+"="+l.earlier), nil
}

// markVariable marks the processes of a command.
const markVariable = "INITH_LOCK_TOKEN"

// processesWith counts the processes that have an environment variable. Those of other users, and of other PID namespaces,
// cannot be seen.
func processesWith(proc fs.FS, variable string) (n int) {
	all, _ := fs.Glob(proc, "[0-9]*/environ")
	for _, name := range all {
		environment, err := fs.ReadFile(proc, name)
		if err == nil && slices.Contains(strings.Split(string(environment), "\x00"), variable) {
			n++
		}
	}
	return n
}

// Bind has the command keep the file open, and marks its processes.
func (l *fileLock) Bind(c Command) Command {
	c.Keep = l.f
	c.Env = append(slices.Clone(c.Env), markVariable+"="+l.mark)
	return c
}

// Release unlocks the file, for processes that still have it open too. The file stays:
// otherwise two replicas could lock two files of the same name.
func (l *fileLock) Release(context.Context) error {
	_ = l.f.Truncate(0)
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_UN)
	return errors.Join(err, l.f.Close())
}

// sign writes to the file who has locked it, for people, and for the next holder. The lock does not depend on it.
func (l *fileLock) sign(host string) {
	_ = l.f.Truncate(0)
	_, _ = l.f.WriteAt(fmt.Appendf(nil, "%s\n%s\n%s\n", time.Now().UTC().Format(time.RFC3339), host, l.mark), 0)
}

// A note is what a lock file says about its holder.
type note struct{ since, holder, mark string }

// readNote reads a note, which may be incomplete.
func readNote(f *os.File) note {
	b := make([]byte, maxNote)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return note{}
	}
	lines := append(strings.Split(string(b[:n]), "\n"), "", "", "")
	return note{lines[0], strings.TrimSpace(lines[1]), lines[2]}
}

func (n note) held() *HeldError {
	held := &HeldError{Holder: redact.Line(n.holder)}
	if t, err := time.Parse(time.RFC3339, n.since); err == nil {
		held.Since = t
	}
	return held
}
