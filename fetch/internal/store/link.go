package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Link returns where a symbolic link in the directory leads to, "" for anything else.
func (v *View) Link(name string) (target string) {
	const longest = 4096
	v.at(name, func(parent *directory, base string) {
		b := make([]byte, longest)
		if n, err := unix.Readlinkat(parent.fd(), base, b); err == nil {
			target = string(b[:n])
		}
	})
	return target
}

// Text returns what is in a small file of the directory, "" for anything else.
func (v *View) Text(name string) (text string) {
	v.at(name, func(parent *directory, base string) {
		b, _ := parent.read(base) // nothing, if it cannot be read
		text = string(b)
	})
	return text
}

// at calls look with the directory that a path is in, if it exists.
func (v *View) at(name string, look func(parent *directory, base string)) {
	if v.root == nil {
		return
	}
	parent, err := v.root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return
	}
	defer parent.close()
	look(parent, path.Base(name))
}

// Link makes a path in the directory a symbolic link. What else is there is replaced, but for a directory.
func (d *Destination) Link(name, target string) error {
	view := d.View()
	defer view.Close()
	if view.Link(name) == target {
		return nil
	}
	parent, err := view.root.descend(path.Dir(name), (*directory).ensurePublic)
	if err != nil {
		return refused("create a link to", err)
	}
	defer parent.close()
	if err := parent.remove(path.Base(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refused("create a link to", err)
	}
	if err := unix.Symlinkat(target, parent.fd(), path.Base(name)); err != nil {
		return refused("create a link to", parent.failed("symlink", path.Base(name), err))
	}
	return nil
}

// WriteText writes a small file of the directory, which has the old text or the new one.
func (d *Destination) WriteText(name, text string) error {
	view := d.View()
	defer view.Close()
	parent, err := view.root.descend(path.Dir(name), (*directory).ensurePublic)
	if err != nil {
		return refused("write", err)
	}
	defer parent.close()
	pending := d.state + ".text"
	err = d.own.rewrite(pending, 0o644, func(f *os.File) error {
		_, err := f.WriteString(text)
		return cmp.Or(err, f.Sync())
	})
	if err == nil {
		err = d.own.rename(pending, parent, path.Base(name))
	}
	if err = errors.Join(err, view.root.syncAll()); err != nil {
		return refused("write", err)
	}
	return nil
}
