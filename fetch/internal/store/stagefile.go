package store

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Open opens a file of the stage. The caller closes it.
func (s *Stage) Open(name string) (*os.File, error) {
	parent, err := s.root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return nil, refused("open", err)
	}
	defer parent.close()
	f, err := parent.open(path.Base(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, refused("open", err)
	}
	return f, nil
}

// A Put is a file that comes from an archive.
type Put struct {
	Name       string
	Executable bool        // by those who may read it
	Mode       fs.FileMode // permission bits; zero: 0644 or 0755, less the umask
	Drop       bool        // free its pages when they are on the disk
	Content    io.Reader
}

// Put writes a file to the stage, where nothing may be. It counts when [Stage.Record] has recorded it. Errors that are not of the
// store are those of the content, and the cause of ctx.
func (s *Stage) Put(ctx context.Context, p Put) error {
	parent, err := s.root.descend(path.Dir(p.Name), (*directory).ensurePublic)
	if err != nil {
		return refused("create the directory for", err)
	}
	defer parent.close()
	mode := fs.FileMode(0o644)
	if p.Executable {
		mode = 0o755
	}
	f, err := parent.create(path.Base(p.Name), mode)
	if err != nil {
		return refused("create", err)
	}
	if p.Mode != 0 {
		if err := f.Chmod(p.Mode); err != nil {
			_ = f.Close()
			return refused("set the mode of", err)
		}
	}
	w := &behindWriter{f: f, flusher: flusher{f: f, drop: p.Drop}}
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{contextReader{ctx, p.Content}}, make([]byte, 128<<10))
	w.flusher.stop()
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = refused("write", closeErr)
	}
	return err
}

// A behindWriter writes to a file, and starts to write what it has written to the disk.
type behindWriter struct {
	f       *os.File
	n       int64
	flusher flusher
}

// Write reports errors of the file system as those of the store: those of the reader are not.
func (w *behindWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if w.n += int64(n); err != nil {
		return n, refused("write", err)
	}
	w.flusher.behind(w.n)
	return n, nil
}

// Link gives a file of the stage another name in it. Where files have only one, it is copied.
func (s *Stage) Link(ctx context.Context, name string, p Put) error {
	f, err := s.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if s.addName(name, p.Name) == nil {
		return nil
	}
	p.Content = f
	return s.Put(ctx, p)
}

func (s *Stage) addName(name, newName string) error {
	return s.between(s.root, name, newName, func(from, to *directory) error {
		return unix.Linkat(from.fd(), path.Base(name), to.fd(), path.Base(newName), 0)
	})
}

// Record records a file that [Stage.Put] or [Stage.Link] has made, when it is not going to get another name.
func (s *Stage) Record(r *FileRecord) error {
	if r.File = identityIn(s.root, r.Path); r.File == (Identity{}) {
		return refused("open", errReplaced)
	}
	return s.Finish(r)
}
