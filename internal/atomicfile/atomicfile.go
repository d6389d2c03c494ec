// Package atomicfile puts a file in its place when all of it is on the disk: at
// its path there is nothing, the old file, or the whole new one, at any moment and
// for any number of processes that do so at once.
package atomicfile

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// infix is in the names of files that are not in their place yet.
const infix = ".inith-tmp-"

// A File is written under a name of its own, beside where it belongs.
type File struct {
	*os.File

	dest string
}

// Create begins a file that is to be at dest, with mode less the umask. Its folder
// must be there. What processes that were killed have left there is removed.
func Create(dest string, mode fs.FileMode) (*File, error) {
	removeDead(dest)
	path := prefix(dest) + rand.Text()
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	return &File{f, dest}, nil
}

// Commit puts the file in its place and closes it. A symbolic link there is
// replaced, not followed. If that fails, the file is discarded.
func (f *File) Commit() error {
	err := f.Sync()
	if err = cmp.Or(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), f.dest)
	}
	if err != nil {
		f.Discard()
		return err
	}
	return SyncFolder(filepath.Dir(f.dest))
}

// Discard closes and removes a file that will not be put in its place.
func (f *File) Discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// SyncFolder makes a rename last. A file system that cannot do so has no better.
func SyncFolder(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil // a folder can be written and not read
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); errors.Is(err, syscall.EIO) {
		return err
	}
	return nil
}

// prefix returns the path that temporary files begin with. The name of a file may
// have 255 bytes.
func prefix(dest string) string {
	const most = 200
	name := filepath.Base(dest)
	return filepath.Join(filepath.Dir(dest), "."+name[:min(len(name), most)]+infix)
}

// deadAfter is how long no byte comes to a file until its process is taken for
// dead. A lock would tell it at once, but not on every volume that nodes share.
const deadAfter = 10 * time.Minute

// removeDead removes files whose processes were killed.
func removeDead(dest string) {
	entries, _ := os.ReadDir(filepath.Dir(dest))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(prefix(dest))) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > deadAfter {
			_ = os.Remove(filepath.Join(filepath.Dir(dest), e.Name()))
		}
	}
}
