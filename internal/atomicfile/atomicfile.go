// Package atomicfile writes a file under a temporary name and renames it when all of it is
// on the disk. At any moment its path has nothing, the old file or the whole new one, however
// many processes write it at the same time.
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

// infix is in the names of temporary files.
const infix = ".inith-tmp-"

// A File is written under a temporary name next to its destination.
type File struct {
	*os.File

	dest string
}

// Create begins the file dest, with mode less the umask. Its directory must exist. Create
// removes the temporary files that killed processes have left of it.
func Create(dest string, mode fs.FileMode) (*File, error) {
	removeDead(dest)
	path := prefix(dest) + rand.Text()
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	return &File{f, dest}, nil
}

// Commit renames the file to its destination and closes it. A symbolic link there is
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

// Discard closes and removes a file that is not to be committed.
func (f *File) Discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// SyncFolder makes a rename last. A file system that cannot do so has no better.
func SyncFolder(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil // a directory can be writable and not readable
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); errors.Is(err, syscall.EIO) {
		return err
	}
	return nil
}

// prefix returns what the paths of temporary files begin with. The name of a file may have
// 255 bytes.
func prefix(dest string) string {
	const most = 200
	name := filepath.Base(dest)
	return filepath.Join(filepath.Dir(dest), "."+name[:min(len(name), most)]+infix)
}

// deadAfter is how long a temporary file is not written to until its process counts as
// dead. A lock would show it at once, but not on every volume that nodes share.
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
