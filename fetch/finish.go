package fetch

import (
	"context"
	"errors"
	"slices"
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

// finish compares the digests and puts the file in its place.
func (a *attempt) finish(ctx context.Context, d *download, c check, level Evidence) (Result, error) {
	a.enter(Verifying)
	if want, got := c.compare(d.verify.hashes); got != want {
		looks := looksLike(d.part.f)
		d.part.remove()
		return Result{}, &DigestError{Source: a.source.Name(), Want: want, Got: got, Evidence: level, Looks: looks}
	}
	result := Result{
		Path: a.place.dest, Source: a.source.Name(), Size: d.ranges.size, Resumed: a.present.Load(),
		Digest: d.verify.hashes.sum(c.main), Evidence: level,
	}
	r := receipt{
		Source: sourceID(a.source), Size: result.Size, Tag: d.tag, Digest: result.Digest.String(), Evidence: level.String(),
	}
	if err := a.put(ctx, d.part, &r); err != nil {
		return Result{}, err
	}
	a.enter(Recording)
	a.clean()
	a.confirm(ctx, r)
	return result, nil
}

// put brings the file, or what the archive holds, to the destination. The receipt
// becomes that of what is there then.
func (a *attempt) put(ctx context.Context, part *partial, r *receipt) error {
	defer part.close()
	if a.file.Extract {
		a.enter(Extracting)
		return a.extract(ctx, part, r)
	}
	a.enter(Syncing)
	if err := part.sync(a.file.Mode); err != nil {
		return err
	}
	a.enter(Renaming)
	for tries := 0; ; tries++ {
		if stat := fileInfo(part.f.Stat()); stat != nil {
			*r = r.of(stat)
			_ = a.prepare(*r) // what does not work now may work when it counts
		}
		err := part.rename(a.place.dest)
		if !errors.Is(err, errGone) {
			return err
		}
		if tries == maxRestarts {
			return localError("rename to", errGone)
		}
		if err := part.copyTo(a.place.newPart()); err != nil {
			return err
		}
	}
}

// complete takes a partial file of which all bytes are there, without asking the
// server: the last run died between the last byte and the rename.
func (a *attempt) complete(ctx context.Context, record *record) (Result, error) {
	a.enter(Verifying)
	part, err := a.place.openPartial(record.object, record, true)
	if errors.Is(err, errGone) {
		return a.run(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	a.size.Store(record.Size)
	d := &download{Transfer: a.Transfer, source: a.source, sure: true, part: part}
	if record.Source == sourceID(a.source) {
		d.tag = record.Tag
	}
	d.ranges = newRanges(record.Size, a.fetcher.window(), record.have())
	return a.transfer(ctx, d, nil, record)
}
