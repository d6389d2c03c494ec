package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// resolveDest returns the path of the destination, "" for the standard output.
func resolveDest(file File) (string, error) {
	if source.IsFile(file.URL) && !file.listed() {
		if err := notForFiles(file); err != nil {
			return "", err
		}
	}
	if err := checkHubCache(file); err != nil {
		return "", err
	}
	switch {
	case file.Dest == "":
		return "", errors.New("no destination")
	case file.isDirectory():
		if err := notForDirectories(file); err != nil {
			return "", err
		}
		dest, _, err := directoryDest(file)
		return dest, err
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
	return filepath.Clean(dest), checkDest(file, existing)
}

// directoryDest returns the path of the destination of a directory, and whether its state has to be kept
// in it.
func directoryDest(file File) (dest string, within bool, err error) {
	if file.Dest == "" {
		return "", false, errors.New("no destination")
	}
	dest = filepath.Clean(file.Dest)
	if c, ok := source.HubCacheOf(file.URL); ok && file.HubCache {
		dest = filepath.Join(dest, c.Name)
	}
	existing, err := os.Lstat(dest)
	switch {
	case err != nil: // nothing, or what cannot be reached
		return dest, file.InPlace, nil //nolint:nilerr // creating it will tell
	case existing.Mode()&fs.ModeSymlink != 0:
		return "", false, errors.New("the destination is a symbolic link: name the directory that it points to")
	case !existing.IsDir():
		return "", false, errors.New("the destination is not a directory, and the URL means one")
	default:
		return dest, file.InPlace || store.MountPoint(dest) || !store.Writable(filepath.Dir(dest)), nil
	}
}

// directoryDestination returns the destination of a directory. It must be closed.
func (t *Transfer) directoryDestination() (*store.Destination, error) {
	dest, within, err := directoryDest(t.file)
	if err != nil {
		return nil, err
	}
	if within {
		return t.fetcher.rooms().store.Inside(dest), nil
	}
	return t.fetcher.rooms().store.Destination(dest), nil
}

// checkDest reports whether what is at the destination may be replaced.
func checkDest(file File, existing fs.FileInfo) error {
	switch {
	case existing == nil:
		return nil
	case existing.IsDir() && !file.Extract:
		return errors.New("the destination is a directory")
	case !existing.IsDir() && file.Extract:
		return errors.New("the destination is not a directory, and an archive is extracted into one")
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
