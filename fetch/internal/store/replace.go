package store

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInPlace means that the directory cannot take the place of the destination as a whole.
var ErrInPlace = errors.New("the directory cannot be replaced as a whole")

// Replace gives the stage, whose files are on the disk, the name of the destination. What is kept of the
// directory that is there now gets a second name in the stage before. With all, nothing of it is lost, also if
// other processes write there meanwhile.
//
// Errors: [ErrInPlace], with which nothing has changed.
func (s *Stage) Replace(kept []string, all bool) error {
	d := s.dest
	if d.Within() {
		return ErrInPlace
	}
	if !d.exists() {
		if err := s.dir.rename(stageRoot, d.parent, d.name); err != nil {
			return refused("rename to", err)
		}
		return s.replaced()
	}
	old, err := d.parent.sub(d.name)
	if err != nil {
		return refused("replace", err)
	}
	defer old.close()
	if s.adopt(old, kept) != nil || exchange(s.dir, stageRoot, d.parent, d.name) != nil {
		return ErrInPlace
	}
	if all {
		old.moveTo(s.root)
	}
	return s.replaced()
}

// moveTo gives what is in d, and not in another directory, to that one.
func (d *directory) moveTo(to *directory) {
	for _, name := range d.names() {
		if !to.exists(name) {
			_ = d.rename(name, to, name)
			continue
		}
		from, err1 := d.sub(name)
		below, err2 := to.sub(name)
		if err1 == nil && err2 == nil {
			from.moveTo(below)
		}
		from.close()
		below.close()
	}
}

// replaced checks that the directory is at the destination.
func (s *Stage) replaced() error {
	d := s.dest
	if now, exists := d.stat(); !exists || !now.identity().sameFile(identityOf(s.root.f)) {
		return Refusal("cannot rename to the directory: another process replaces it", "let one process write to the destination", nil)
	}
	if err := d.parent.sync(); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

// adopt makes the stage what the directory that is there is, but for the files that are not kept.
func (s *Stage) adopt(old *directory, kept []string) error {
	was, err := statOf(old.f)
	if err != nil {
		return err
	}
	now, err := statOf(s.root.f)
	if err != nil || now.Uid != was.Uid {
		return ErrInPlace // only root could give it to that user
	}
	if now.Gid != was.Gid {
		err = unix.Fchown(s.root.fd(), -1, int(was.Gid))
	}
	const permissions = 0o7777
	err = errors.Join(err, unix.Fchmod(s.root.fd(), uint32(was.Mode)&permissions)) //nolint:unconvert // 16 bits elsewhere
	for _, name := range kept {
		err = errors.Join(err, s.link(old, strings.TrimSuffix(name, "/")))
	}
	if err != nil {
		return err
	}
	return s.root.syncAll()
}

// link gives a file of the directory that is there, or all below a path of it, a second name in the stage.
func (s *Stage) link(old *directory, name string) error {
	return s.between(old, name, name, func(from, to *directory) error { return from.linkAll(path.Base(name), to) })
}

// between calls link with the directory of a name in old, and with that of a name in the stage, which it creates.
func (s *Stage) between(old *directory, name, newName string, link func(from, to *directory) error) error {
	from, err := old.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return err
	}
	defer from.close()
	to, err := s.root.descend(path.Dir(newName), (*directory).ensurePublic)
	if err != nil {
		return err
	}
	defer to.close()
	return link(from, to)
}

func (d *directory) linkAll(name string, to *directory) error {
	info, err := d.lstat(name)
	if err != nil {
		return err
	}
	if !info.directory() {
		return to.failed("link", name, unix.Linkat(d.fd(), name, to.fd(), name, 0))
	}
	if info.Uid != uint32(os.Geteuid()) { //nolint:gosec // never negative
		return ErrInPlace
	}
	const permissions = 0o7777
	from, err := d.sub(name)
	if err != nil {
		return err
	}
	defer from.close()
	below, err := to.ensure(name, fs.FileMode(0o700))
	if err != nil {
		return err
	}
	defer below.close()
	for _, one := range from.names() {
		err = errors.Join(err, from.linkAll(one, below))
	}
	return errors.Join(err, unix.Fchmod(below.fd(), uint32(info.Mode)&permissions)) //nolint:unconvert // 16 bits elsewhere
}

// Merge renames files of the stage to the destination, one after the other: each is absent, the old one or the
// new one.
func (s *Stage) Merge(names []string) error {
	d := s.dest
	root, err := d.parent.ensurePublic(d.name)
	if err != nil {
		return refused("create", err)
	}
	defer root.close()
	for _, name := range names {
		if err := s.move(name, root); err != nil {
			return refused("rename to", err)
		}
	}
	if err := errors.Join(root.syncAll(), d.parent.sync()); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

func (s *Stage) move(name string, root *directory) error {
	from, err := s.root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return err
	}
	defer from.close()
	to, err := root.descend(path.Dir(name), (*directory).ensurePublic)
	if err != nil {
		return err
	}
	defer to.close()
	base := path.Base(name)
	was := s.finished[name].File
	if err := from.rename(base, to, base); err != nil {
		return err
	}
	if now, err := to.lstat(base); err != nil || !now.identity().sameFile(was) {
		return to.failed("rename", base, errReplaced)
	}
	return nil
}

// Delete removes paths in the directory, as [View.Others] returns them.
func (d *Destination) Delete(names []string) error {
	if len(names) == 0 {
		return nil
	}
	root, err := d.parent.sub(d.name)
	if err != nil {
		return refused("read the directory of", err)
	}
	defer root.close()
	for _, name := range names {
		if err := root.delete(strings.TrimSuffix(name, "/")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refused("remove a file next to", err)
		}
	}
	return nil
}

func (d *directory) delete(name string) error {
	parent, err := d.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return err
	}
	defer parent.close()
	err = parent.remove(path.Base(name))
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		return parent.removeAll(path.Base(name))
	}
	return err
}
