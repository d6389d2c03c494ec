package store

import (
	"crypto/rand"
	"os"
	"strings"
)

// Wanted says which partial file is of use.
type Wanted struct {
	Source   string // the [ID] of the URL without its query
	Digest   string // that the bytes must have; "": none is known
	Distrust bool   // validators of this source mean nothing
}

// Resumable returns the record of a partial file of what is wanted, with a free choice
// among the versions of the object: the server will tell if it is still that one. It
// removes the others.
//
// Bytes of another source, or of whatever the server sends now, may differ until the
// digest has spoken: they go only where no other process writes, or has looked already.
// Without a digest, bytes count only where nobody else can have written them.
func (d *Destination) Resumable(w Wanted) *Record {
	if d.locked {
		d.cleanTrees()
	}
	var best *Record
	for _, name := range d.all(journalSuffix) {
		r := d.usable(name, w)
		if r != nil && (best == nil || len(r.Pieces) > len(best.Pieces)) {
			best = r
		}
	}
	keep := ""
	if best != nil {
		keep = best.part
	}
	d.cleanParts(keep)
	return best
}

// usable returns the record of a journal, nil if it is of no use.
func (d *Destination) usable(journal string, w Wanted) *Record {
	r, err := d.record(journal)
	if err != nil || r.Digest != w.Digest || len(r.Pieces) == 0 {
		return nil
	}
	if w.Digest == "" && (r.Source != w.Source || r.Validator == "" || !d.safe) {
		return nil
	}
	now, err := d.own.lstat(r.part)
	if err != nil || !now.regular() || now.Nlink > 1 {
		return nil
	}
	if !d.safe || now.identity() != r.closed {
		r.State, r.Hashed = nil, 0 // nobody knows what the state is of: all is hashed again
	}
	same := r.Source == w.Source && r.Validator != "" && !w.Distrust
	if used, known := d.inUse(r.part); used || !same && (!known || !d.locked) {
		return nil
	}
	return r
}

func (d *Destination) record(journal string) (*Record, error) {
	f, err := d.openState(journal, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := readJournal(f)
	if err == nil {
		r.part = partOf(journal)
	}
	return r, err
}

// all returns the names of the state with a suffix.
func (d *Destination) all(suffix string) []string {
	var names []string
	for _, name := range d.listing.of(d.own, d.state) {
		if strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	return names
}

// Clean removes what was fetched and extracted, and is of no use now.
func (d *Destination) Clean() {
	d.cleanParts("")
	if d.locked {
		d.cleanTrees()
	}
}

// cleanParts removes partial files and journals, but for one to keep and those that
// other processes use.
func (d *Destination) cleanParts(keep string) {
	if d.own == nil {
		return
	}
	for _, part := range d.all(partSuffix) {
		if used, _ := d.inUse(part); used || part == keep {
			continue
		}
		_ = d.own.remove(part)
	}
	for _, journal := range d.all(journalSuffix) { // a part exists before its journal
		if !d.own.exists(partOf(journal)) {
			_ = d.own.remove(journal)
		}
	}
}

// cleanTrees removes what runs that were killed had extracted, and the directories that
// they had replaced. It is for the holder of the lock. A directory loses its name at
// once: should its process live, it will not put half of it anywhere.
func (d *Destination) cleanTrees() {
	if d.own == nil {
		return
	}
	for _, name := range d.all("") {
		s, err := d.own.lstat(name)
		if err != nil || !s.directory() || strings.HasSuffix(name, oldSuffix) && !d.exists() {
			continue
		}
		dead := d.state + extractInfix + rand.Text()
		if d.own.rename(name, d.own, dead) == nil {
			_ = d.own.removeAll(dead)
		}
	}
}

func (d *Destination) exists() bool {
	_, exists := d.stat()
	return exists
}

// inUse reports whether another process has a partial file open, and whether the file
// system lets us know.
func (d *Destination) inUse(part string) (used, known bool) {
	f, err := d.openState(part, os.O_RDWR)
	if err != nil {
		return false, false
	}
	defer func() { _ = f.Close() }()
	locked, err := tryLock(f)
	return err == nil && !locked, err == nil
}

// allocated returns how many bytes the partial file of a record takes on the disk.
func (d *Destination) allocated(r *Record) int64 {
	if r == nil || d.own == nil {
		return 0
	}
	const block = 512
	s, err := d.own.lstat(r.part)
	if err != nil {
		return 0
	}
	return s.Blocks * block
}
