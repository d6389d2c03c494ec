package store

import (
	"cmp"
	"context"
	"errors"
	"hash"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// usedSuffix is of the file whose time of modification is when an object was last used. The object itself stays
// as it is: a receipt speaks for its time of change.
const usedSuffix = ".used"

// An Object is a file of a cache that is open. While it is, no process evicts it.
type Object struct {
	Own bool // nobody else may write to it

	f        *os.File
	at       *Destination
	file     Identity
	modified time.Time
}

// ErrObject means that an object cannot be read.
var ErrObject = errors.New("the object in the cache cannot be read")

// OpenObject opens the file at a destination that is an object of a cache. Errors: that of a missing file;
// [ErrObject].
func (d *Destination) OpenObject() (*Object, error) {
	if !d.exists() {
		return nil, os.ErrNotExist
	}
	f, err := d.openFile()
	if err != nil {
		return nil, ErrObject
	}
	_ = shareLock(f) // without locks, what is open can be read after it has lost its name
	return objectOf(f, d)
}

// Object returns the file as an object, which is closed with it.
func (p *Partial) Object() (*Object, error) {
	_ = shareLock(p.f)
	return objectOf(p.f, p.dest)
}

func objectOf(f *os.File, at *Destination) (*Object, error) {
	s, err := statOf(f)
	if err != nil {
		return nil, ErrObject
	}
	const othersWrite = 0o022
	own := int(s.Uid) == os.Geteuid() && s.Mode&othersWrite == 0
	return &Object{Own: own, f: f, at: at, file: s.identity(), modified: s.modified()}, nil
}

// Size returns how many bytes the object has.
func (o *Object) Size() int64 { return o.file.Size }

// Close closes the object.
func (o *Object) Close() { _ = o.f.Close() }

// Changed reports whether anything of the object changed since it was opened or hashed. It may have lost or got a name.
func (o *Object) Changed() bool { return identityOf(o.f) != o.file }

// Receipt returns the receipt of the object, if it counts: nobody else can have written either, and the object has not
// changed since.
func (o *Object) Receipt() (Receipt, bool) {
	r, match := o.at.Receipt()
	return r, match == Intact && o.Own && r.File == o.file
}

// Hash hashes the object, and expects it to stay as it is now. One that changes meanwhile is one that has [Object.Changed].
func (o *Object) Hash(ctx context.Context, to []hash.Hash) (err error) {
	if _, err = o.f.Seek(0, 0); err != nil {
		return ErrObject
	}
	now, err := hashFile(ctx, o.f, to...)
	switch {
	case errors.Is(err, errTouched): // it got or lost a name, most likely: Changed tells
		return nil
	case err != nil:
		return cmp.Or(context.Cause(ctx), ErrObject)
	}
	o.file = now
	return nil
}

// Confirm writes the receipt of the object. It is for the holder of the lock. Without a receipt the next process hashes the
// object.
func (o *Object) Confirm(r Receipt) { _ = o.at.Confirm(r, o.file) }

// Use notes that the object is used now.
func (o *Object) Use() {
	d := o.at
	if d.shared == nil {
		return
	}
	name := d.state + usedSuffix
	if d.shared.touch(name) == nil {
		return
	}
	if f, err := d.shared.createShared(name); err == nil {
		_ = f.Close()
	}
}

// touch sets the time of modification of a file to now, which all who may write to it can.
func (d *directory) touch(name string) error {
	f, err := d.openOwn(name, os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("\n"), 0)
	return cmp.Or(err, f.Close())
}

// createShared creates a file that others may write to where they may write to the directory.
func (d *directory) createShared(name string) (*os.File, error) {
	f, err := d.create(name, 0o600)
	if err != nil {
		return nil, err
	}
	if s, err := statOf(d.f); err == nil {
		_ = f.Chmod(os.FileMode(s.Mode)&0o066 | 0o600)
	}
	return f, nil
}

// Remove takes the object out of the cache. It is for the holder of the lock.
func (o *Object) Remove() error {
	d := o.at
	if now, exists := d.stat(); !exists || !now.identity().sameFile(o.file) {
		return nil
	}
	return d.removeObject()
}

// removeObject removes the file of an object and what is known of it.
func (d *Destination) removeObject() error {
	if err := d.parent.remove(d.name); err != nil {
		return refused("remove", err)
	}
	if d.own != nil {
		_ = d.own.remove(d.state + receiptSuffix)
	}
	if d.shared != nil {
		_ = d.shared.remove(d.state + usedSuffix)
	}
	return nil
}

// Clone is [Destination.Clone] of the object.
func (o *Object) Clone(to *Destination) *Partial { return to.Clone(o.f, o.Size()) }

// Adopt returns a partial file that is the object itself, under a second name, nil if that cannot be. It is for the
// holder of the lock, and for objects that nobody else may write to.
//
// The second name changes the time of change, which the receipt has. The time of modification shows that no byte was
// written meanwhile, unless by one who can write receipts too.
func (d *Destination) Adopt(o *Object) *Partial {
	from := o.at
	if d.own == nil || from.parent == nil || !o.Own {
		return nil
	}
	name := d.newPart()
	if unix.Linkat(from.parent.fd(), from.name, d.own.fd(), name, 0) != nil {
		return nil
	}
	f, err := d.own.open(name, os.O_RDONLY, 0)
	if err != nil {
		_ = d.own.remove(name)
		return nil
	}
	p := &Partial{f: f, name: name, dest: d}
	if !identityOf(f).sameFile(o.file) || !o.Renamed() {
		p.Remove()
		return nil
	}
	d.listing.add(name)
	return p
}

// Renamed reports whether the object is what it was but for its names, and expects it to stay as it is now.
func (o *Object) Renamed() bool {
	s, err := statOf(o.f)
	if err != nil || s.Size != o.file.Size || !s.modified().Equal(o.modified) {
		return false
	}
	o.file = s.identity()
	return true
}

// Copy returns a partial file with the bytes of an object, which are hashed on the way. Copied is called with how many
// there are. Errors: [ErrObject]; what the file system of the destination refuses; the cause of ctx.
func (d *Destination) Copy(ctx context.Context, o *Object, to []hash.Hash, copied func(n int64)) (*Partial, error) {
	if err := d.EnoughSpace(o.Size(), nil); err != nil {
		return nil, err
	}
	p, err := d.OpenPartial(Content{Size: o.Size()}, nil, false)
	if err != nil {
		return nil, err
	}
	if err := p.fill(ctx, o, to, copied); err != nil {
		p.Remove()
		return nil, err
	}
	p.Settle()
	return p, nil
}

// fill copies an object. Where memory is limited, its pages are freed too.
func (p *Partial) fill(ctx context.Context, o *Object, to []hash.Hash, copied func(n int64)) error {
	freed := int64(0)
	for c := (copier{from: o.f, part: p, to: to}); c.off < o.Size(); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.next(min(flushEvery, o.Size()-c.off)); err != nil {
			return err
		}
		p.Behind(c.off)
		copied(c.off)
		if p.flusher.drop && c.off-freed >= flushEvery {
			forgetPages(o.f, freed, c.off-freed)
			freed = c.off
		}
	}
	return nil
}

// A copier copies a file, and hashes it on the way.
type copier struct {
	from   *os.File
	part   *Partial
	to     []hash.Hash
	off    int64  // that the next bytes are at
	buffer []byte // nil: the kernel copies
}

// next copies up to n bytes.
func (c *copier) next(n int64) error {
	const bufferSize = 128 << 10
	if c.buffer == nil && len(c.to) == 0 {
		if n, err := copyRange(c.part.f, c.from, c.off, n); err == nil && n > 0 {
			c.off += n
			return nil
		}
	}
	if c.buffer == nil {
		c.buffer = make([]byte, bufferSize)
	}
	b := c.buffer[:min(bufferSize, n)]
	if n, _ := c.from.ReadAt(b, c.off); n < len(b) {
		return ErrObject
	}
	for _, h := range c.to {
		_, _ = h.Write(b)
	}
	err := c.part.WriteAt(b, c.off)
	c.off += int64(len(b))
	return err
}

// Hash hashes the file.
func (p *Partial) Hash(ctx context.Context, to []hash.Hash) error {
	_, err := p.f.Seek(0, 0)
	if err == nil {
		_, err = hashFile(ctx, p.f, to...)
	}
	if err != nil {
		return cmp.Or(context.Cause(ctx), refused("read", err))
	}
	return nil
}
