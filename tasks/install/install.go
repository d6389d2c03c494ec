// Package install copies inith's own binary to where an application of another
// image finds it. At the path there is nothing, the old binary or the whole new
// one, however many processes install at once.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// mode is that of the installed binary, whatever the umask: every user may execute
// it, and none may write to it.
const mode fs.FileMode = 0o555

// A Result is where the binary is.
type Result struct {
	Path     string
	Size     int64 // bytes
	UpToDate bool  // it was installed already, and was left as it is
}

// Install copies the file at source to a directory, which it creates, under a name.
func Install(ctx context.Context, source, directory, name string) (Result, error) {
	path := filepath.Join(directory, name)
	if err := os.MkdirAll(directory, 0o777); err != nil { //nolint:gosec // as other directories: less the umask
		return Result{}, refused("create the directory "+directory, err)
	}
	if noexec(directory) {
		return Result{}, &usererr.Error{
			Text: directory + " is mounted noexec: programs in it cannot be executed",
			Hint: "mount a volume without that option, such as an emptyDir",
		}
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return Result{}, &usererr.Error{Text: path + " is not a regular file, and inith replaces nothing else"}
	}
	src, err := os.Open(filepath.Clean(source))
	if err != nil {
		return Result{}, refused("read inith's own binary", err)
	}
	defer func() { _ = src.Close() }()
	info, err := src.Stat()
	if err != nil {
		return Result{}, refused("read inith's own binary", err)
	}
	result := Result{Path: path, Size: info.Size()}
	result.UpToDate = intact(ctx, path, src, info.Size())
	if result.UpToDate {
		return result, nil
	}
	if err := put(ctx, src, path); err != nil {
		return Result{}, err
	}
	return result, nil
}

// Hint returns advice on an error of [Install], "" if there is none.
func Hint(err error) string { return usererr.Hint(err) }

// put brings a copy of the binary to its path.
func put(ctx context.Context, src *os.File, path string) error {
	f, err := atomicfile.Create(path, mode)
	if err != nil {
		return refused("write "+path, err)
	}
	if !clone(f.File, src) {
		_, err = src.Seek(0, io.SeekStart)
		if err == nil {
			_, err = io.Copy(f.File, src) // copy_file_range, where the kernel has it for these two
		}
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err != nil || ctx.Err() != nil {
		f.Discard()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return refused("write "+path, err)
	}
	if err := f.Commit(); err != nil {
		return refused("write "+path, err)
	}
	return nil
}

// intact reports whether the binary is at its path, and every user can execute it.
func intact(ctx context.Context, path string, src io.ReaderAt, size int64) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size || info.Mode().Perm() != mode {
		return false
	}
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	a, b := make([]byte, 256<<10), make([]byte, 256<<10)
	for off := int64(0); off < size; off += int64(len(a)) {
		n, err := src.ReadAt(a, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		m, err := f.ReadAt(b, off)
		if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(a[:n], b[:m]) || ctx.Err() != nil {
			return false
		}
	}
	return true
}

// refused explains what a file system refused.
func refused(what string, err error) error {
	known := usererr.Local(err)
	return &usererr.Error{Text: fmt.Sprintf("cannot %s: %s", what, known.Text), Hint: known.Hint, Err: err}
}
