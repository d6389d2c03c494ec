package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// destination returns where the result of a file goes.
func destination(source, dest string) string {
	if isDirectory(dest) {
		return filepath.Join(dest, withoutSuffix(filepath.Base(source)))
	}
	return filepath.Clean(dest)
}

func isDirectory(dest string) bool {
	info, err := os.Stat(dest)
	return strings.HasSuffix(dest, "/") || err == nil && info.IsDir()
}

// canReplace returns an error if a file at the destination must not be replaced.
func canReplace(dest string) error {
	info, err := os.Lstat(dest)
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s is not a regular file and is never replaced", dest)
	}
	return nil
}

// put writes a result, unless it is up to date.
func (j *Job) put(f *file, content []byte) (Result, error) {
	result := Result{Path: f.dest, Size: len(content), State: Rendered}
	if f.plain {
		result.State = Copied
	}
	if f.dest == "-" {
		result.Path = ""
		_, err := j.Stdout.Write(content)
		return result, err
	}
	mode, there := j.mode(f)
	if there && unchanged(f.dest, content) {
		result.State = Unchanged
		return result, writeError(f.dest, chmod(f.dest, mode))
	}
	return result, writeError(f.dest, write(f.dest, content, mode, there || j.Mode != 0))
}

// mode returns the mode of a result, and whether a file exists.
func (j *Job) mode(f *file) (mode fs.FileMode, there bool) {
	mode = f.mode
	info, err := os.Lstat(f.dest)
	if err == nil && info.Mode().IsRegular() {
		mode, there = info.Mode().Perm(), true
	}
	return cmp.Or(j.Mode, mode), there
}

// chmod sets the mode of a file if it differs, because the file may belong to another user.
func chmod(path string, mode fs.FileMode) error {
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(path, mode)
}

// unchanged reports whether a file has the content.
func unchanged(path string, content []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Size() != int64(len(content)) {
		return false
	}
	b, err := os.ReadFile(filepath.Clean(path))
	return err == nil && bytes.Equal(b, content)
}

// write replaces a file atomically. The umask applies to mode, unless exactly is set.
func write(dest string, content []byte, mode fs.FileMode, exactly bool) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o777); err != nil { //nolint:gosec // as usual, the umask applies
		return err
	}
	f, err := atomicfile.Create(dest, mode)
	if err != nil {
		return err
	}
	if exactly {
		err = f.Chmod(mode)
	}
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}

// writeError translates an error of the file system.
func writeError(dest string, err error) error {
	if err == nil {
		return nil
	}
	known := usererr.Local(err)
	return &usererr.Error{Text: fmt.Sprintf("cannot write %s: %s", dest, known.Text), Hint: known.Hint, Err: err}
}
