package store

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A directory is an open directory. Names in it are reached without following
// links, and whatever becomes of its path meanwhile.
type directory struct{ f *os.File }

// errForeign means that a name of ours is a link, a pipe or a file with several names.
var errForeign = errors.New("not a regular file with one name")

// openDirectory opens the directory at a path that the user named. One that can be
// written to but not read is opened too, where the system can.
func openDirectory(path string) (*directory, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrPermission) && searchOnly != 0 {
		f, err = os.OpenFile(filepath.Clean(path), searchOnly|unix.O_DIRECTORY, 0)
	}
	if err != nil {
		return nil, err
	}
	return &directory{f}, nil
}

// Writable reports whether this user may create files in the directory at path.
func Writable(path string) bool {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
}

func (d *directory) fd() int { return int(d.f.Fd()) }

func (d *directory) path(name string) string { return filepath.Join(d.f.Name(), name) }

// failed names the file in an error of the system's.
func (d *directory) failed(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: d.path(name), Err: err}
}

// open opens a file. A link is refused, and a pipe does not block.
func (d *directory) open(name string, flags int, mode fs.FileMode) (*os.File, error) {
	for {
		fd, err := unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, uint32(mode))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ELOOP):
			return nil, d.failed("open", name, errForeign)
		case err != nil:
			return nil, d.failed("open", name, err)
		}
		_ = unix.SetNonblock(fd, false)
		return os.NewFile(uintptr(fd), d.path(name)), nil
	}
}

// openOwn opens a file that only this package makes: a regular one with one name.
func (d *directory) openOwn(name string, flags int) (*os.File, error) {
	f, err := d.open(name, flags, 0)
	if err != nil {
		return nil, err
	}
	if s, err := statOf(f); err != nil || !s.regular() || s.Nlink > 1 {
		_ = f.Close()
		return nil, d.failed("open", name, errForeign)
	}
	return f, nil
}

// create creates a file that does not exist.
func (d *directory) create(name string, mode fs.FileMode) (*os.File, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
}

// sub opens a directory in d.
func (d *directory) sub(name string) (*directory, error) {
	f, err := d.open(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &directory{f}, nil
}

// mkdir creates a directory and opens it.
func (d *directory) mkdir(name string, mode fs.FileMode) (*directory, error) {
	if err := unix.Mkdirat(d.fd(), name, uint32(mode)); err != nil {
		return nil, d.failed("mkdir", name, err)
	}
	return d.sub(name)
}

// ensure opens a directory in d, which it creates if it does not exist.
func (d *directory) ensure(name string, mode fs.FileMode) (*directory, error) {
	sub, err := d.sub(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return sub, err
	}
	if sub, err = d.mkdir(name, mode); errors.Is(err, fs.ErrExist) { // another one was faster
		return d.sub(name)
	}
	return sub, err
}

// descend opens the directory at a relative path, "." for d itself, by a function that opens one in another.
func (d *directory) descend(name string, open func(d *directory, name string) (*directory, error)) (*directory, error) {
	at, err := d.sub(".")
	if name == "." {
		return at, err
	}
	for segment := range strings.SplitSeq(name, "/") {
		if err != nil {
			return nil, err
		}
		var below *directory
		below, err = open(at, segment)
		at.close()
		at = below
	}
	return at, err
}

// read returns a small file of ours.
func (d *directory) read(name string) ([]byte, error) {
	const most = 64 << 10
	f, err := d.openOwn(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, most))
}

// rewrite writes a small file of ours anew.
func (d *directory) rewrite(name string, mode fs.FileMode, write func(f *os.File) error) error {
	_ = d.remove(name)
	f, err := d.create(name, mode)
	if err != nil {
		return err
	}
	err = write(f)
	return cmp.Or(err, f.Close())
}

// names returns what is in the directory. Each call reads from an opening of its own.
func (d *directory) names() []string { return d.someNames(-1) }

// someNames is names with a maximum; -1: none.
func (d *directory) someNames(most int) []string {
	again, err := d.sub(".")
	if err != nil {
		return nil
	}
	defer again.close()
	names, _ := again.f.Readdirnames(most) // what cannot be read counts as empty
	return names
}

func (d *directory) lstat(name string) (stat, error) {
	var s stat
	err := unix.Fstatat(d.fd(), name, &s.Stat_t, unix.AT_SYMLINK_NOFOLLOW)
	return s, d.failed("lstat", name, err)
}

func (d *directory) exists(name string) bool {
	_, err := d.lstat(name)
	return err == nil
}

func (d *directory) remove(name string) error {
	return d.failed("remove", name, unix.Unlinkat(d.fd(), name, 0))
}

func (d *directory) removeDirectory(name string) error {
	return d.failed("remove", name, unix.Unlinkat(d.fd(), name, unix.AT_REMOVEDIR))
}

// rename gives a file another name, in another directory or the same.
func (d *directory) rename(name string, to *directory, newName string) error {
	return d.failed("rename", name, unix.Renameat(d.fd(), name, to.fd(), newName))
}

// root opens the directory for programs that work with [os.Root].
func (d *directory) root() (*os.Root, error) {
	r, err := os.OpenRoot(d.f.Name())
	if err != nil {
		return nil, err
	}
	mine, err1 := d.f.Stat()
	opened, err2 := r.Stat(".")
	if err := errors.Join(err1, err2); err != nil || !os.SameFile(mine, opened) {
		_ = r.Close()
		return nil, d.failed("open", ".", errForeign)
	}
	return r, nil
}

// removeAll removes a directory and all that is in it.
func (d *directory) removeAll(name string) error {
	r, err := d.root()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	return r.RemoveAll(name)
}

// sync makes a rename in the directory last. A file system that cannot do so has
// no better.
func (d *directory) sync() error {
	if err := d.f.Sync(); errors.Is(err, unix.EIO) {
		return err
	}
	return nil
}

func (d *directory) close() {
	if d != nil {
		_ = d.f.Close()
	}
}
