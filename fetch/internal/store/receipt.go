package store

import (
	"context"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
)

// A Receipt says what was fetched to a destination, so that a second run need not ask
// for it.
type Receipt struct {
	Version   int    `json:"version"`
	Source    string `json:"source"` // the [ID] of the URL without its query
	Size      int64  `json:"size"`   // bytes, of what was fetched
	Validator string `json:"validator"`
	Digest    string `json:"digest"`
	Evidence  string `json:"evidence"`

	File     Identity `json:"file"`     // that the receipt speaks for
	Modified int64    `json:"modified"` // its time of modification, in Unix nanoseconds
}

// A Match says how far a receipt speaks for what is at the destination.
type Match int

// The matches, weakest first.
const (
	NoMatch Match = iota
	Touched       // what is there may be what it speaks for: its bytes tell
	Intact        // it speaks for what is there, which has not changed since
)

const stateVersion = 2 // of receipts and journals

// The receipt is written under the second name before its file gets the name of the
// destination, which changes the time of change.
const (
	receiptSuffix = ".receipt"
	pendingSuffix = ".receipt.new"
)

// Receipt returns the receipt of what is at the destination. It counts only where
// nobody else can have written it.
func (d *Destination) Receipt() (Receipt, Match) {
	now, exists := d.stat()
	if d.own == nil || !d.safe || !exists {
		return Receipt{}, NoMatch
	}
	best, match := Receipt{}, NoMatch
	for _, suffix := range []string{receiptSuffix, pendingSuffix} {
		r, ok := d.readReceipt(suffix)
		if m := r.match(&now); ok && m > match {
			best, match = r, m
		}
	}
	return best, match
}

// adoptReceipt makes a receipt that a killed process had prepared the one of what is at
// the destination, or removes it. It is for the holder of the lock.
func (d *Destination) adoptReceipt() {
	if now, exists := d.stat(); exists && d.keepPrepared(&now) {
		return
	}
	_ = d.own.remove(d.state + pendingSuffix)
}

// keepPrepared makes the prepared receipt the one of the destination, if it speaks for it.
func (d *Destination) keepPrepared(now *stat) bool {
	r, ok := d.readReceipt(pendingSuffix)
	if !ok || r.match(now) == NoMatch || r.File.Inode != now.Ino {
		return false
	}
	return d.own.rename(d.state+pendingSuffix, d.own, d.state+receiptSuffix) == nil
}

func (d *Destination) readReceipt(suffix string) (r Receipt, ok bool) {
	b, err := d.own.read(d.state + suffix)
	ok = err == nil && json.Unmarshal(b, &r) == nil && r.Version == stateVersion
	return r, ok
}

func (r Receipt) match(now *stat) Match {
	file := now.identity()
	switch {
	case now.directory():
		return r.matchDirectory(file, now)
	case file == r.File:
		return Intact
	case file.Size == r.File.Size: // touched, copied, or on a volume that another node has mounted
		return Touched
	default:
		return NoMatch
	}
}

// matchDirectory matches a directory by what a rename and another node leave as they
// are. Nobody but we can have written the receipt, and no receipt speaks for what is in
// the files of a directory.
func (r Receipt) matchDirectory(file Identity, now *stat) Match {
	switch {
	case file.Inode != r.File.Inode:
		return NoMatch
	case now.modified().UnixNano() == r.Modified && file.Size == r.File.Size:
		return Intact
	default:
		return Touched
	}
}

// of returns the receipt of an open file or directory.
func (r Receipt) of(f *os.File) Receipt {
	r.Version = stateVersion
	if s, err := statOf(f); err == nil {
		r.File, r.Modified = s.identity(), s.modified().UnixNano()
	}
	return r
}

// write writes a receipt.
func (d *Destination) write(r Receipt, suffix string) error {
	if d.own == nil {
		return errForeign
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = d.own.rewrite(d.state+pendingSuffix, 0o600, func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
	if err != nil || suffix == pendingSuffix {
		return err
	}
	return d.own.rename(d.state+pendingSuffix, d.own, d.state+suffix)
}

// Confirm writes the receipt of what is at the destination, which has the identity.
func (d *Destination) Confirm(r Receipt, file Identity) error {
	now, exists := d.stat()
	if !exists || now.identity() != file {
		return nil // another process has put its own there, with a receipt of its own
	}
	if d.own != nil { // a kill from here on leaves one that speaks for this file, if for an earlier state of it
		d.keepPrepared(&now)
	}
	d.forget()
	r.Version, r.File, r.Modified = stateVersion, file, now.modified().UnixNano()
	if err := d.write(r, receiptSuffix); err != nil {
		if _, match := d.Receipt(); match == Intact { // another process has written one
			return nil
		}
		return refused("write the receipt of", err)
	}
	return nil
}

// errTouched means that a file was written to while it was read.
var errTouched = errors.New("the file changed while it was read")

// Hash hashes the file at the destination, and returns which file that was.
func (d *Destination) Hash(ctx context.Context, h hash.Hash) (Identity, error) {
	f, err := d.openFile()
	if err != nil {
		return Identity{}, err
	}
	defer func() { _ = f.Close() }()
	return hashFile(ctx, f, h)
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one call
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}
