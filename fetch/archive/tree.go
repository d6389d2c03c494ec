package archive

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	bufferSize = 64 << 10

	// maxPath is the most bytes of a path or of a link's target: PATH_MAX of
	// Linux, and a bound to the depth of directories.
	maxPath = 4096
)

// errTaken means that a path exists already, as something else or as a file.
var errTaken = errors.New("taken")

// A tree is the directory that an archive is extracted to. What it makes is never
// removed or replaced, and it enters only directories that it has seen to be none of
// the archive's symbolic links.
type tree struct {
	budget
	root   *os.Root
	dir    string   // the path of the directory of the last entry
	at     *os.Root // that directory, nil: none yet
	buffer []byte

	detours    map[string]string // targets of the detours, by name
	detourSize int               // bytes of both
}

// A file is what is said of one before its content.
type file struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
}

func newTree(root *os.Root, limits Limits, size int64) *tree {
	return &tree{budget: newBudget(limits, size), root: root, buffer: make([]byte, bufferSize)}
}

func (t *tree) close() {
	if t.at != nil {
		_ = t.at.Close()
	}
}

// file makes a file. Its content is as long as it says, or ends with an error.
func (t *tree) file(ctx context.Context, e file, content io.Reader) error {
	base, err := t.place(e.name)
	if err != nil {
		return err
	}
	if err := cmp.Or(t.addEntry(), t.addBytes(e.size)); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if e.mode&0o111 != 0 {
		perm = 0o755
	}
	f, err := t.at.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return made(e.name, err)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, bound(ctx, content), t.buffer)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if year := e.mtime.UTC().Year(); err == nil && 1970 <= year && year < 2262 { // that nanoseconds can count
		_ = t.at.Chtimes(base, time.Time{}, e.mtime) // some network file systems cannot
	}
	return damaged(err)
}

// directory creates a directory, unless it exists.
func (t *tree) directory(name string) error {
	clean, err := local(name)
	if err != nil || clean == "." {
		return err
	}
	base, err := t.place(name)
	if err != nil {
		return err
	}
	return made(name, t.mkdir(t.at, base))
}

// symlink makes a symbolic link.
func (t *tree) symlink(name, target string) error {
	base, err := t.place(name)
	if err != nil {
		return err
	}
	if !staysInside(t.dir, target) {
		return leadsOut(name, target)
	}
	if isDetour(target) {
		return t.addDetour(name, target)
	}
	if err := made(name, t.at.Symlink(target, base)); err != nil {
		return err
	}
	return t.addEntry()
}

// link makes a hard link to a file that was extracted before. One to a symbolic link
// becomes another symbolic link, which leads elsewhere from another directory.
func (t *tree) link(name, target string) error {
	if _, err := t.place(name); err != nil {
		return err
	}
	clean, err := local(target)
	if err != nil {
		return refuse(name, "it is a hard link to %q, which leads out of the archive", shown(target))
	}
	symbolic, err := t.linkable(clean)
	switch {
	case errors.Is(err, errTaken), errors.Is(err, fs.ErrNotExist):
		return refuse(name, "it is a hard link to %q, which is no file that comes before it", shown(target))
	case err != nil:
		return err
	case symbolic != "":
		return t.symlink(name, symbolic)
	}
	if err := made(name, t.root.Link(clean, path.Clean(name))); err != nil {
		return err
	}
	return t.addEntry()
}

// linkable reports whether there is a file that a hard link may be to, or returns where
// the symbolic link leads that is there.
func (t *tree) linkable(clean string) (symbolic string, err error) {
	if target := t.detours[clean]; target != "" {
		return target, nil
	}
	at, err := t.walk(path.Dir(clean), isDirectory)
	if err != nil {
		return "", err
	}
	defer func() { _ = at.Close() }()
	base := path.Base(clean)
	info, err := at.Lstat(base)
	switch {
	case err != nil:
		return "", err
	case info.Mode().IsRegular():
		return "", nil
	case info.Mode().Type() == fs.ModeSymlink:
		return at.Readlink(base)
	default:
		return "", errTaken
	}
}

// made returns what to say of an error of making the entry with this name.
func made(name string, err error) error {
	if errors.Is(err, fs.ErrExist) || errors.Is(err, errTaken) {
		return refuse(name, "its path is a duplicate: the archive has it twice, or a link or a file where it needs a directory")
	}
	return err
}

// place enters the directory that the entry belongs in and returns the last
// element of its path.
func (t *tree) place(name string) (string, error) {
	clean, err := local(name)
	if err != nil {
		return "", err
	}
	if clean == "." {
		return "", refuse(name, "only a directory can have this name")
	}
	dir, base := path.Dir(clean), path.Base(clean)
	if t.at != nil && dir == t.dir {
		return base, nil
	}
	at, err := t.walk(dir, t.mkdir)
	if err != nil {
		return "", made(name, err)
	}
	t.close()
	t.dir, t.at = dir, at
	return base, nil
}

// walk opens a directory. Each step to it must find, or make, a real one.
func (t *tree) walk(dir string, step func(at *os.Root, name string) error) (*os.Root, error) {
	at, err := t.root.OpenRoot(".")
	if err != nil || dir == "." {
		return at, err
	}
	for part := range strings.SplitSeq(dir, "/") {
		var next *os.Root
		if err = step(at, part); err == nil {
			next, err = at.OpenRoot(part)
		}
		_ = at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// mkdir creates a directory in at, unless it exists.
func (t *tree) mkdir(at *os.Root, name string) error {
	err := at.Mkdir(name, 0o755)
	switch {
	case errors.Is(err, fs.ErrExist):
		return isDirectory(at, name)
	case err != nil:
		return err
	default:
		return t.addEntry()
	}
}

// isDirectory returns errTaken if name is something else.
func isDirectory(at *os.Root, name string) error {
	info, err := at.Lstat(name)
	if err == nil && !info.IsDir() {
		return errTaken
	}
	return err
}

// local returns the path of an entry, cleaned, if it is one below the root.
func local(name string) (string, error) {
	switch {
	case name == "":
		return "", refuse(name, "it has no name")
	case len(name) > maxPath:
		return "", refuse(name, "its name is longer than %d bytes", maxPath)
	case strings.Contains(name, "\x00"):
		return "", refuse(name, "its name has a NUL")
	case path.IsAbs(name):
		return "", refuse(name, "its name is an absolute path")
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", refuse(name, `its name has a ".."`)
	}
	return path.Clean(name), nil
}
