package fetch

import (
	"context"
	"errors"
	"slices"

	"github.com/inith/inith/fetch/internal/store"
)

// A check is what the bytes are compared with.
type check struct {
	main   string   // the algorithm whose digest is told
	wanted []Digest // by the user or a list; then by the server
}

// check returns what to compare with, and the evidence that it makes.
func (t *Transfer) check(server []Digest) (check, Evidence) {
	if t.want != (Digest{}) {
		return check{t.want.Algorithm, []Digest{t.want}}, t.level
	}
	c := check{main: "sha256", wanted: server}
	if len(server) > 0 {
		return c, EvidenceServer
	}
	return c, EvidenceSize
}

// algorithms returns the hash functions to run, that of the result first.
func (c check) algorithms() []string {
	all := []string{c.main}
	for _, d := range c.wanted {
		if !slices.Contains(all, d.Algorithm) {
			all = append(all, d.Algorithm)
		}
	}
	return all
}

// compare returns the first digest that is not the wanted one; both are zero if all
// are.
func (c check) compare(h hashes) (want, got Digest) {
	for _, want := range c.wanted {
		if got := h.sum(want.Algorithm); got != want {
			return want, got
		}
	}
	return Digest{}, Digest{}
}

// finish compares the digests and publishes the file.
func (a *attempt) finish(ctx context.Context, d *download, c check, level Evidence) (Result, error) {
	a.enter(Verifying)
	if want, got := c.compare(d.verify.hashes); got != want {
		looks := looksLike(d.part.File())
		d.part.Remove()
		return Result{}, &DigestError{Source: a.source.Name(), Want: want, Got: got, Evidence: level, Looks: looks}
	}
	result := Result{
		Path: a.dest.Path, Source: a.source.Name(), Size: d.ranges.size, Resumed: a.present.Load(),
		Digest: d.verify.hashes.sum(c.main), Evidence: level,
	}
	r := store.Receipt{
		Source: sourceID(a.source), Size: result.Size, Validator: d.tag, Digest: result.Digest.String(), Evidence: level.String(),
	}
	return result, a.publish(ctx, d.part, r)
}

// publish brings the file, or what the archive holds, to the destination.
func (a *attempt) publish(ctx context.Context, part *store.Partial, r store.Receipt) error {
	defer part.Close()
	if a.file.Extract {
		return a.extract(ctx, part, r)
	}
	a.enter(Syncing)
	if err := part.Sync(a.file.Mode); err != nil {
		return err
	}
	a.enter(Renaming)
	if err := part.Publish(r); err != nil {
		return err
	}
	a.writeReceipt(ctx, r, part.Identity())
	return nil
}

// writeReceipt writes the receipt, and removes what is of no use now.
func (a *attempt) writeReceipt(ctx context.Context, r store.Receipt, file store.Identity) {
	a.enter(Recording)
	a.dest.Clean()
	a.confirm(ctx, r, file)
}

// complete takes a partial file of which all bytes are there, without asking the
// server: the last run died between the last byte and the rename.
func (a *attempt) complete(ctx context.Context, record *store.Record) (Result, error) {
	a.enter(Verifying)
	part, err := a.dest.OpenPartial(record.Content, record, true, a.fetcher.drops(record.Size))
	if errors.Is(err, store.ErrGone) {
		return a.run(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	a.size.Store(record.Size)
	d := &download{Transfer: a.Transfer, source: a.source, sure: true, part: part}
	if record.Source == sourceID(a.source) {
		d.tag = record.Validator
	}
	d.ranges = newRanges(record.Size, a.fetcher.window(), record.Have())
	return a.transfer(ctx, d, nil, record)
}
