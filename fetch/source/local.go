package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

const localScheme = "file"

func checkLocalName(u *url.URL) error {
	switch {
	case u.Host != "" && u.Host != "localhost", u.User != nil, u.Opaque != "":
		return errors.New("a file URL names no host: want file:///PATH")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("a file URL has no query and no fragment: write ? as %3F and # as %23")
	case !path.IsAbs(u.Path) || strings.ContainsRune(u.Path, 0):
		return errors.New("want file:///PATH")
	default:
		return nil
	}
}

// A local finds the files that a file URL means.
type local struct{}

func newLocal(*Network, Credentials, func(error)) Resolver { return local{} }

// isLocalDirectory reports whether a URL says that it means a directory. What others mean, the file system tells.
func isLocalDirectory(u *url.URL) bool { return strings.HasSuffix(u.Path, "/") }

// Origin returns none: no server is asked.
func (local) Origin(*url.URL) string { return "" }

// Resolve returns the file, or all regular files of the directory and of those below it. Symbolic links that lead out of
// the directory are an error; so is everything that is neither a file nor a directory.
func (local) Resolve(ctx context.Context, u *url.URL) ([]Object, error) {
	name := filepath.FromSlash(u.Path)
	info, err := os.Stat(name) //nolint:gosec // the user who names a source may read it
	switch {
	case err != nil:
		return nil, localError(err)
	case info.IsDir():
		return localTree(ctx, name)
	case strings.HasSuffix(u.Path, "/"):
		return nil, Permanent(&usererr.Error{Text: "is not a directory", Hint: "remove the slash at the end."})
	}
	open := func() (*os.File, error) { return openRegular(os.Stat, os.OpenFile, name) }
	return []Object{{Size: -1, Source: &localFile{shown: redact.URL(u), open: open}}}, nil
}

// localTree returns the files of a directory.
func localTree(ctx context.Context, dir string) ([]Object, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, localError(err)
	}
	var all []Object
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return localError(err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case entry.IsDir():
			return nil
		}
		info, err := root.Stat(name) // of what a link leads to, below dir
		switch {
		case err != nil:
			return Permanent(&usererr.Error{Text: fmt.Sprintf("%q cannot be read, or is a link out of the directory", name), Err: err})
		case info.IsDir(): // a link to one: its files are found by their own names
			return nil
		case !info.Mode().IsRegular():
			return Permanent(notRegular(name))
		case len(all) == maxListed:
			return Permanent(tooManyFiles())
		}
		shown := redact.URL(&url.URL{Scheme: localScheme, Path: path.Join(filepath.ToSlash(dir), name)})
		open := func() (*os.File, error) { return openRegular(root.Stat, root.OpenFile, name) }
		all = append(all, Object{Name: name, Size: info.Size(), Validator: version(info), Source: &localFile{shown: shown, open: open}})
		return nil
	})
	return all, err
}

// openRegular opens a file, and nothing that is none: to open a FIFO may take forever, and a device may act.
func openRegular(stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error), name string) (*os.File, error) {
	before, err := stat(name)
	if err != nil {
		return nil, localError(err)
	}
	if !before.Mode().IsRegular() {
		return nil, Permanent(notRegular(name))
	}
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, localError(err)
	}
	after, err := f.Stat()
	if err != nil || !after.Mode().IsRegular() {
		_ = f.Close()
		return nil, ErrChanged
	}
	return f, nil
}

func notRegular(name string) error {
	return &usererr.Error{Text: fmt.Sprintf("%q is not a regular file", name), Hint: "devices, sockets and pipes are not fetched."}
}

// localError says why a file cannot be read.
func localError(err error) error {
	return Permanent(&usererr.Error{
		Text: usererr.Local(err).Text, Hint: "Check the path, and that the volume is mounted and readable by this user.", Err: err,
	})
}

// A localFile is a file of this machine, or of a volume that is mounted.
type localFile struct {
	shown string
	open  func() (*os.File, error)
}

func (f *localFile) Name() string { return f.shown }
func (*localFile) Origin() string { return localScheme }

// Stat returns what the file system says.
func (f *localFile) Stat(context.Context) (Info, error) {
	file, err := f.open()
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = file.Close() }()
	return localInfo(file)
}

// localInfo returns the size of a file, and what changes with its bytes.
func localInfo(f *os.File) (Info, error) {
	info, err := f.Stat()
	if err != nil {
		return Info{}, localError(err)
	}
	return Info{Size: info.Size(), Validator: version(info)}, nil
}

// Open opens the file. A file that changes while it is read is one that has changed.
func (f *localFile) Open(_ context.Context, off, n int64, validator string) (*Part, error) {
	file, err := f.open()
	if err != nil {
		return nil, err
	}
	info, err := localInfo(file)
	if err == nil && validator != "" && info.Validator != validator {
		err = ErrChanged
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	end := info.Size
	if n >= 0 {
		end = min(off+n, end)
	}
	body := &localBody{file: file, SectionReader: io.NewSectionReader(file, off, max(0, end-off)), validator: info.Validator}
	return &Part{Info: info, Start: off, End: end, Ranged: n != Whole, Body: body, File: file}, nil
}

// A localBody is a part of a file.
type localBody struct {
	*io.SectionReader
	file      *os.File
	validator string
}

// Read reports a change before the bytes that it may have touched count as read.
func (b *localBody) Read(p []byte) (int, error) {
	n, err := b.SectionReader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, localError(err)
	}
	if now, statErr := localInfo(b.file); statErr != nil || now.Validator != b.validator {
		return 0, ErrChanged
	}
	return n, err
}

func (b *localBody) Close() error { return b.file.Close() }
