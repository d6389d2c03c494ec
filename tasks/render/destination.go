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
	if isFolder(dest) {
		return filepath.Join(dest, strings.TrimSuffix(filepath.Base(source), suffix))
	}
	return filepath.Clean(dest)
}

func isFolder(dest string) bool {
	info, err := os.Stat(dest)
	return strings.HasSuffix(dest, "/") || err == nil && info.IsDir()
}

// canReplace says that something is at a destination that no file replaces.
func canReplace(dest string) error {
	info, err := os.Lstat(dest)
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s is not a regular file and is never replaced", dest)
	}
	return nil
}

// put brings a result to its place, unless it is there already.
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
		return result, placed(f.dest, chmod(f.dest, mode))
	}
	return result, placed(f.dest, write(f.dest, content, mode, there || j.Mode != 0))
}

// mode returns the mode that a result gets, and whether a file is there.
func (j *Job) mode(f *file) (mode fs.FileMode, there bool) {
	mode = f.mode
	info, err := os.Lstat(f.dest)
	if err == nil && info.Mode().IsRegular() {
		mode, there = info.Mode().Perm(), true
	}
	return cmp.Or(j.Mode, mode), there
}

// chmod sets the mode of a file, if it has another one: it may be another user's.
func chmod(path string, mode fs.FileMode) error {
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(path, mode)
}

// unchanged reports whether the file at path has the content.
func unchanged(path string, content []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Size() != int64(len(content)) {
		return false
	}
	b, err := os.ReadFile(filepath.Clean(path))
	return err == nil && bytes.Equal(b, content)
}

// write puts a new file in its place. The mode is less the umask, or exactly this.
func write(dest string, content []byte, mode fs.FileMode, exactly bool) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o777); err != nil { //nolint:gosec // as other folders: less the umask
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

// placed says what a file system refused.
func placed(dest string, err error) error {
	if err == nil {
		return nil
	}
	known := usererr.Local(err)
	return &usererr.Error{Text: fmt.Sprintf("cannot write %s: %s", dest, known.Text), Hint: known.Hint, Err: err}
}
