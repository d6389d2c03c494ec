package store

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	extractInfix = ".extract-"
	oldSuffix    = ".old"
	movedSuffix  = ".moved"
)

// A Tree is a directory that becomes the destination when all of it is on the disk.
type Tree struct {
	Root *os.Root // to write to

	dest *Destination
	dir  *directory
	name string
}

// NewTree creates an empty directory in the state. It must be closed.
func (d *Destination) NewTree() (*Tree, error) {
	name := d.state + extractInfix + rand.Text()
	dir, err := d.own.mkdir(name, 0o755)
	if err != nil {
		return nil, refused("extract", err)
	}
	d.listing.add(name)
	t := &Tree{dest: d, dir: dir, name: name}
	err = unix.Fchmod(dir.fd(), 0o755) // the application reads it as another user
	if err == nil {
		t.Root, err = dir.root()
	}
	if err != nil {
		t.Close()
		return nil, refused("extract", err)
	}
	return t, nil
}

// Close removes what did not become the destination.
func (t *Tree) Close() {
	if t.Root != nil {
		_ = t.Root.Close()
	}
	t.dir.close()
	_ = t.dest.own.removeAll(t.name)
}

// Identity returns that of the directory as it is now, after [Tree.Publish] that of the destination.
func (t *Tree) Identity() Identity {
	if t.dest.Within() {
		return identityOf(t.dest.parent.f)
	}
	return identityOf(t.dir.f)
}

// Replaceable reports whether a directory may take the place of the destination: nothing
// is there, or an empty directory, or what an earlier run has extracted and nobody has
// changed since, or what one that was killed has moved there.
func (d *Destination) Replaceable() error {
	if d.parent == nil || !d.exists() {
		return nil
	}
	now, err := d.parent.sub(d.name)
	if err != nil {
		return refused("read the directory of", err)
	}
	defer now.close()
	names, err := now.f.Readdirnames(2) // one may be that of the state
	names = slices.DeleteFunc(names, func(name string) bool { return name == sharedName && d.Within() })
	if len(names) == 0 {
		return nil // whatever the error: that of an empty directory is io.EOF
	}
	if err != nil {
		return refused("read the directory of", err)
	}
	if _, match := d.Receipt(); match == Intact || d.isMoved(now.names()) {
		return nil
	}
	return Refusal("the directory is not empty, and was not made by inith or has changed since",
		"name a directory that does not exist, or remove this one", nil)
}

// Publish gives the directory the name of the destination. What was there before is
// removed.
func (t *Tree) Publish(r Receipt) error {
	d := t.dest
	if d.Within() {
		return t.move()
	}
	_ = d.write(r.of(t.dir.f), pendingSuffix) // what does not work now may work when it counts
	if err := t.swap(); err != nil {
		return err
	}
	if now, exists := d.stat(); !exists || !now.identity().sameFile(t.Identity()) {
		return Refusal("cannot rename to the directory: another process replaces it", "let one process write to the destination", nil)
	}
	if err := d.parent.sync(); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

// move moves what is in the tree to a destination that no directory can replace. What it moves is written down before, so
// that a run after a kill may remove it.
func (t *Tree) move() error {
	d := t.dest
	names, old := t.dir.names(), d.parent.names()
	if err := d.noteMoved(slices.Concat(names, old)); err != nil {
		return refused("write down what is extracted to", err)
	}
	for _, name := range old {
		if name == sharedName {
			continue
		}
		if err := d.parent.delete(name); err != nil {
			return refused("replace a file in", err)
		}
	}
	for _, name := range names {
		if err := t.dir.rename(name, d.parent, name); err != nil {
			return refused("move to", err)
		}
	}
	if err := d.parent.sync(); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

func (d *Destination) noteMoved(names []string) error {
	b, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return d.own.rewrite(d.state+movedSuffix, 0o600, func(f *os.File) error {
		_, err := f.Write(b)
		return cmp.Or(err, f.Sync())
	})
}

// Extracted forgets what was moved: the receipt counts now.
func (d *Destination) Extracted() { _ = d.own.remove(d.state + movedSuffix) }

// isMoved reports whether all names in the destination are of what a run moved there that did not finish.
func (d *Destination) isMoved(names []string) bool {
	if d.own == nil || !d.safe {
		return false
	}
	const most = 16 << 20 // bytes
	f, err := d.own.openOwn(d.state+movedSuffix, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	var moved []string
	if json.NewDecoder(io.LimitReader(f, most)).Decode(&moved) != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool { return name != sharedName && !slices.Contains(moved, name) })
}

func (t *Tree) swap() error {
	d := t.dest
	err := d.own.rename(t.name, d.parent, d.name)
	if err == nil || exchange(d.own, t.name, d.parent, d.name) == nil {
		return nil
	}
	if !d.exists() {
		return refused("rename to", err)
	}
	old := t.name + oldSuffix
	if err := d.parent.rename(d.name, d.own, old); err != nil {
		return refused("replace", err)
	}
	if err := d.own.rename(t.name, d.parent, d.name); err != nil {
		return fmt.Errorf("%w (the old directory is %s in .inith/%s)", refused("rename to", err), old, ownName())
	}
	_ = d.own.removeAll(old)
	return nil
}
