// Package files makes directories, copies files and sets their permission bits, for
// what a script before an application does with mkdir, cp and chmod.
//
// All of it is safe to repeat: an existing directory stays, and a file that is
// copied is the old one or the whole new one at any moment.
package files

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// An Action is one thing to do. Exactly one of Mkdir, Copy and Chmod is given.
type Action struct {
	Mkdir string      // makes this directory, and those above it
	Copy  string      // copies this file, or this directory with its content
	To    string      // of Copy: an existing directory gets the file under its name
	Chmod string      // sets the permission bits of this file or directory
	Mode  fs.FileMode // permission bits; zero: those of the source, or as the umask makes them
}

// String describes the action.
func (a Action) String() string {
	switch {
	case a.Mkdir != "":
		return "mkdir " + a.Mkdir
	case a.Copy != "":
		return "copy " + a.Copy + " to " + a.To
	default:
		return "chmod " + a.Chmod
	}
}

// Run does the actions, one after another. Its error says which one failed and why, and
// [Hint] what to do about that; or it is the cause of ctx.
func Run(ctx context.Context, actions []Action) error {
	for _, a := range actions {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.run(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			known := usererr.Local(err)
			return &usererr.Error{Text: a.String() + ": " + known.Text, Hint: known.Hint, Err: err}
		}
	}
	return nil
}

// Hint returns advice on an error of [Run], "" if there is none.
func Hint(err error) string { return usererr.Hint(err) }

func (a Action) run(ctx context.Context) error {
	switch {
	case a.Mkdir != "":
		if err := os.MkdirAll(a.Mkdir, 0o777); err != nil || a.Mode == 0 { //nolint:gosec // less the umask
			return err
		}
		return os.Chmod(a.Mkdir, a.Mode)
	case a.Copy != "":
		return a.copy(ctx)
	default:
		return os.Chmod(a.Chmod, a.Mode)
	}
}

// copy copies a file, or a directory with its content. What the destination has besides
// stays. Symbolic links in a directory are copied as links.
func (a Action) copy(ctx context.Context) error {
	source := filepath.Clean(a.Copy)
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return a.file(ctx, source, a.dest(source), info)
	}
	to, err := filepath.Abs(a.To)
	if err != nil {
		return err
	}
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return cmp.Or(err, ctx.Err())
		}
		if abs, err := filepath.Abs(path); err != nil || abs == to {
			return cmp.Or(err, filepath.SkipDir) // a directory is not copied into its own copy
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return a.entry(ctx, path, filepath.Join(a.To, rel), d)
	})
}

// entry copies an entry of a directory.
func (a Action) entry(ctx context.Context, path, dest string, d fs.DirEntry) error {
	info, err := d.Info()
	switch {
	case err != nil:
		return err
	case d.IsDir():
		return os.MkdirAll(dest, 0o777) //nolint:gosec // less the umask
	case d.Type()&fs.ModeSymlink != 0:
		return link(path, dest)
	case !d.Type().IsRegular():
		return &fs.PathError{Op: "copy", Path: path, Err: errors.New("it has an entry that is neither a file, a directory nor a link")}
	}
	return a.file(ctx, path, dest, info)
}

// dest is where a file goes.
func (a Action) dest(source string) string {
	if info, err := os.Stat(a.To); err == nil && info.IsDir() || os.IsPathSeparator(a.To[len(a.To)-1]) {
		return filepath.Join(a.To, filepath.Base(source))
	}
	return a.To
}

// file copies a file, and makes the directories above its destination.
func (a Action) file(ctx context.Context, source, dest string, info fs.FileInfo) error {
	src, err := os.Open(filepath.Clean(source))
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	if err := os.MkdirAll(filepath.Dir(dest), 0o777); err != nil { //nolint:gosec // less the umask
		return err
	}
	mode := cmp.Or(a.Mode, info.Mode().Perm())
	f, err := atomicfile.Create(dest, mode)
	if err != nil {
		return err
	}
	err = fill(ctx, f, src)
	if err == nil && a.Mode != 0 {
		err = f.Chmod(mode) // whatever the umask
	}
	if err != nil {
		f.Discard()
		return err
	}
	return f.Commit()
}

// fill copies in parts, and checks ctx between them.
func fill(ctx context.Context, dst io.Writer, src io.Reader) error {
	const part = 64 << 20 // by copy_file_range where the kernel has it for these two
	for ctx.Err() == nil {
		switch _, err := io.CopyN(dst, src, part); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return ctx.Err()
}

// link copies the symbolic link at path to dest.
func link(path, dest string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if existing, err := os.Readlink(dest); err == nil && existing == target {
		return nil
	}
	if err := os.Symlink(target, dest); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Remove(dest); err != nil {
		return err
	}
	return os.Symlink(target, dest)
}
