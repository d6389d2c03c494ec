package store

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/inith/inith/fetch/internal/span"
)

const (
	partSuffix    = ".part"
	journalSuffix = ".journal"
)

// A Partial is a file that is being fetched. Its lock tells other processes that one is
// writing to it. Where they cannot see the lock, two may write the same object: bytes
// are written where they belong, and do each other no harm.
type Partial struct {
	f       *os.File
	name    string
	dest    *Destination
	journal *journal // nil: the file is too small to resume, or cannot be resumed
	flusher flusher
}

// ErrGone means that the partial file to resume no longer exists.
var ErrGone = errors.New("the partial file is gone")

// newPart returns the name of a new partial file. No other process chooses the same:
// whatever they do, a name means the file of the one that made it.
func (d *Destination) newPart() string { return d.state + "." + rand.Text() + partSuffix }

func journalOf(part string) string { return strings.TrimSuffix(part, partSuffix) + journalSuffix }

func partOf(journal string) string { return strings.TrimSuffix(journal, journalSuffix) + partSuffix }

// OpenPartial creates the partial file of a content, or with a record opens the one that
// it is of, and makes room for it.
func (d *Destination) OpenPartial(c Content, r *Record, resumable bool) (*Partial, error) {
	p, err := d.openPartial(c.Size, r)
	if err != nil {
		return nil, err
	}
	if c.Size > 0 {
		err = allocate(p.f, c.Size)
	}
	if err == nil && resumable && c.Size > Piece {
		err = p.openJournal(c, r != nil)
	}
	if err != nil {
		p.Close()
		return nil, refused("make room for", err)
	}
	return p, nil
}

// Clone returns a partial file that shares the bytes of another file until one of both is written to, and has all of them as
// they were at one moment. It returns nil if the file systems cannot, or if that would be more bytes than may be written.
func (d *Destination) Clone(from *os.File, size int64) *Partial {
	p, err := d.openPartial(size, nil)
	if err != nil {
		return nil // a copy will tell
	}
	if d.withinLimits(size) != nil || cloneFile(p.f, from) != nil || identityOf(p.f).Size != size {
		p.Remove()
		return nil
	}
	return p
}

func (d *Destination) openPartial(size int64, r *Record) (*Partial, error) {
	p := &Partial{dest: d}
	var err error
	if r == nil {
		p.f, p.name, err = d.createPart(0o644)
	} else {
		p.name = r.part
		p.f, err = d.openState(r.part, os.O_RDWR)
	}
	switch {
	case r != nil && errors.Is(err, fs.ErrNotExist):
		return nil, ErrGone
	case err != nil:
		return nil, refused("create", err)
	}
	_, _ = tryLock(p.f) // it tells that we are here: who is without locks goes by the journal
	d.listing.add(p.name)
	p.flusher = flusher{f: p.f, drop: d.store.Drops(size)}
	return p, nil
}

// createPart creates a partial file, whose mode becomes that of the destination. The
// directory of the state may have been removed meanwhile: the last process that had a
// lock there does so.
func (d *Destination) createPart(mode fs.FileMode) (f *os.File, name string, err error) {
	name = d.newPart()
	if d.own != nil {
		f, err = d.own.create(name, mode)
	}
	if d.own == nil || errors.Is(err, fs.ErrNotExist) {
		if err := d.Create(); err != nil {
			return nil, "", err
		}
		f, err = d.own.create(name, mode)
	}
	return f, name, err
}

// openState opens a file of the state.
func (d *Destination) openState(name string, flags int) (*os.File, error) {
	if d.own == nil {
		return nil, fs.ErrNotExist
	}
	return d.own.openOwn(name, flags)
}

func (p *Partial) openJournal(c Content, resumed bool) error {
	name := journalOf(p.name)
	flags := os.O_WRONLY | os.O_APPEND
	var f *os.File
	var err error
	if resumed {
		f, err = p.dest.openState(name, flags)
	} else {
		f, err = p.dest.own.open(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return err
	}
	p.dest.listing.add(name)
	if p.journal, err = newJournal(f, name, c, resumed); err != nil {
		_ = f.Close()
	}
	return err
}

// File returns the partial file itself.
func (p *Partial) File() *os.File { return p.f }

// Journalled reports whether a later run can resume the file.
func (p *Partial) Journalled() bool { return p.journal != nil }

// ReadAt reads bytes of the file: all that fit into b.
func (p *Partial) ReadAt(b []byte, off int64) error {
	if _, err := p.f.ReadAt(b, off); err != nil {
		return refused("read", err)
	}
	return nil
}

// WriteAt writes bytes to where they belong.
func (p *Partial) WriteAt(b []byte, off int64) error {
	if _, err := p.f.WriteAt(b, off); err != nil {
		return refused("write", err)
	}
	return nil
}

// Note writes a piece to the journal, whose bytes have just been written.
func (p *Partial) Note(piece int64, crc uint32) error {
	if p.journal == nil {
		return nil
	}
	if err := p.journal.addPiece(piece, crc); err != nil {
		return refused("write the journal of", err)
	}
	return nil
}

// ChecksumOf returns the CRC-32C of bytes of the file.
func (p *Partial) ChecksumOf(s span.Span) (uint32, error) {
	b := make([]byte, s.Len())
	if err := p.ReadAt(b, s.Start); err != nil {
		return 0, err
	}
	return Checksum(b), nil
}

// SaveState writes the state of the hash function after n bytes to the journal.
func (p *Partial) SaveState(n int64, state []byte) error {
	if p.journal == nil {
		return nil
	}
	if err := p.journal.addState(n, state); err != nil {
		return refused("write the journal of", err)
	}
	return nil
}

// Close closes the file for a later run to resume.
func (p *Partial) Close() {
	p.Settle()
	if p.journal != nil {
		_ = p.journal.addJSON("closed", identityOf(p.f))
		p.journal.close()
	}
	_ = p.f.Close()
}

// Remove closes and removes the file and its journal.
func (p *Partial) Remove() {
	p.Close()
	p.unlink()
}

func (p *Partial) unlink() {
	if p.dest.own == nil {
		return
	}
	_ = p.dest.own.remove(p.name)
	if p.journal != nil {
		_ = p.dest.own.remove(p.journal.name)
	}
}
