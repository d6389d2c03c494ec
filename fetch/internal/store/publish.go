package store

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Sync sets the mode of the file and returns when all of it is on the disk. A mode of
// zero is 0644 less the umask.
func (p *Partial) Sync(mode fs.FileMode) error {
	if mode != 0 {
		if err := p.f.Chmod(mode); err != nil {
			return refused("set the mode of", err)
		}
	}
	if err := syncData(p.f); err != nil {
		return refused("write", err)
	}
	return nil
}

// Publish gives the file, which is on the disk, the name of the destination, and checks
// that the destination is this file then. Where a symbolic link is, the file takes its
// place. The receipt is prepared before, so that a kill in between loses nothing.
//
// Whoever takes the name of the file away, or puts another file at the destination
// meanwhile, makes it be written again from the open one.
func (p *Partial) Publish(r Receipt) error {
	err := p.insist(func() error {
		_ = p.dest.write(r.of(p.f), pendingSuffix) // what does not work now may work when it counts
		return p.rename()
	})
	if err != nil {
		return err
	}
	if err := p.dest.parent.sync(); err != nil {
		return refused("write the directory of", err)
	}
	return nil
}

// insist calls rename until the file is at its destination.
func (p *Partial) insist(rename func() error) error {
	const tries = 4
	for range tries {
		err := rename()
		if !errors.Is(err, ErrGone) {
			return err
		}
		if err := p.copy(); err != nil {
			return err
		}
	}
	return Refusal("cannot rename to the file: other processes remove or replace it", "let one process write to the destination", nil)
}

// Identity returns that of the file as it is now.
func (p *Partial) Identity() Identity { return identityOf(p.f) }

// rename returns [ErrGone] when the file does not become the destination.
func (p *Partial) rename() error {
	d := p.dest
	if d.own == nil {
		return ErrGone
	}
	err := d.own.rename(p.name, d.parent, d.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refused("rename to", err)
	}
	if now, exists := d.stat(); !exists || !now.identity().sameFile(p.Identity()) {
		return ErrGone
	}
	p.unlink() // the journal
	return nil
}

// copy makes the file anew, given that its name was taken from it.
func (p *Partial) copy() error {
	s, err := statOf(p.f)
	if err != nil {
		return refused("read", err)
	}
	if p.dest.stage == nil {
		if err := p.dest.Create(); err != nil {
			return err
		}
	}
	mode := fs.FileMode(s.Mode) & fs.ModePerm
	f, name, err := p.dest.createPart(mode)
	if err != nil {
		return refused("create", err)
	}
	_, _ = tryLock(f)
	_, err = io.Copy(f, io.NewSectionReader(p.f, 0, s.Size))
	chmodErr := f.Chmod(mode)
	syncErr := syncData(f)
	if err = cmp.Or(err, chmodErr, syncErr); err != nil {
		_ = f.Close()
		_ = p.dest.own.remove(name)
		return refused("write", err)
	}
	p.replaceWith(f, name)
	return nil
}

func (p *Partial) replaceWith(f *os.File, name string) {
	_ = p.f.Close()
	p.f, p.name = f, name
}
