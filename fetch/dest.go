package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/inith/inith/fetch/internal/store"
)

// resolveDest returns the path of the destination, "" for the standard output.
func resolveDest(file File) (string, error) {
	switch {
	case file.Dest == "":
		return "", errors.New("no destination")
	case file.Dest == "-" && file.Extract:
		return "", errors.New("an archive is extracted into a directory, not to the standard output")
	case file.Dest == "-" && len(file.Mirrors) > 0:
		return "", errors.New("mirrors are for files: what was written to the standard output cannot be taken back")
	case file.Dest == "-":
		return "", nil
	}
	dest := file.Dest
	existing := stat(dest)
	if !file.Extract && (os.IsPathSeparator(dest[len(dest)-1]) || existing != nil && existing.IsDir()) {
		name := path.Base(file.URL.Path)
		if name == "/" || name == "." || name == ".." {
			return "", errors.New("the URL has no file name: name the destination file")
		}
		dest = filepath.Join(dest, name)
		existing = stat(dest)
	}
	return filepath.Clean(dest), checkDest(file, dest, existing)
}

// checkDest reports whether what is at the destination may be replaced.
func checkDest(file File, dest string, existing fs.FileInfo) error {
	switch {
	case existing == nil:
		return nil
	case existing.IsDir() && !file.Extract:
		return errors.New("the destination is a directory")
	case !existing.IsDir() && file.Extract:
		return errors.New("the destination is not a directory, and an archive is extracted into one")
	case file.Extract && store.MountPoint(dest):
		return errors.New("the destination is a mount point, which no directory can replace: name a directory in it")
	case !existing.IsDir() && !existing.Mode().IsRegular():
		return errors.New("the destination is not a regular file: it is never replaced")
	default:
		return nil
	}
}

// stat returns nil for what does not exist or cannot be reached.
func stat(name string) fs.FileInfo {
	info, err := os.Stat(name)
	if err != nil {
		return nil
	}
	return info
}
