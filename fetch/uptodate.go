package fetch

import (
	"context"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// upToDate reports whether a file with the digest that is wanted is at the destination:
// by its receipt, or by hashing it.
func (t *Transfer) upToDate(ctx context.Context) (Result, bool, error) {
	now := t.dest.Identity()
	if t.want == (Digest{}) || now == t.looked { // nothing, or what was looked at before
		return Result{}, false, nil
	}
	t.looked = now
	t.enter(Checking)
	r, match := t.dest.Receipt()
	if match != store.NoMatch && r.Digest == t.want.String() && !t.file.Verify {
		if match == store.Intact {
			return t.skipped(r.Size), true, nil
		}
		if t.file.Extract {
			t.log.WarnContext(ctx, "the directory changed since the archive was extracted: left as it is", "path", t.dest.Path)
			return t.skipped(r.Size), true, nil
		}
	}
	if t.file.Extract {
		return Result{}, false, nil
	}
	return t.hashed(ctx, t.want, t.level)
}

// hashed reports whether the file at the destination has a digest.
func (t *Transfer) hashed(ctx context.Context, want Digest, level Evidence) (Result, bool, error) {
	h := source.NewHash(want.Algorithm)
	file, err := t.dest.Hash(ctx, h)
	if ctx.Err() != nil {
		return Result{}, false, context.Cause(ctx)
	}
	if err != nil || source.NewDigest(want.Algorithm, h) != want {
		return Result{}, false, nil //nolint:nilerr // what cannot be read is fetched
	}
	if t.dest.Safe() { // else it would not count in the next run
		t.confirm(ctx, store.Receipt{Size: file.Size, Digest: want.String(), Evidence: level.String()}, file)
	}
	return t.skipped(file.Size), true, nil
}

// confirm writes the receipt. Without one the next run has more to do, and the result is
// no less right.
func (t *Transfer) confirm(ctx context.Context, r store.Receipt, file store.Identity) {
	if err := t.dest.Confirm(r, file); err != nil {
		t.log.WarnContext(ctx, "no receipt written: the next run will hash the file again", "err", err)
	}
}

func (t *Transfer) skipped(size int64) Result {
	t.progress.Skipped(size)
	t.dest.Tidy()
	if t.file.Mode != 0 {
		t.dest.Chmod(t.file.Mode)
	}
	return Result{Path: t.dest.Path, Source: t.Name(), Size: size, Digest: t.want, Evidence: t.level, Skipped: true}
}

// mayBeUnchanged reports whether it is worth to ask the server if the destination is up to
// date.
func (t *Transfer) mayBeUnchanged() bool {
	if t.want != (Digest{}) || t.file.Verify {
		return false
	}
	_, match := t.dest.Receipt()
	return match != store.NoMatch
}

// unchanged reports whether the server has the version that is at the destination.
func (t *Transfer) unchanged(ctx context.Context, s source.Source, now source.Info) (Result, bool) {
	r, match := t.dest.Receipt()
	if match == store.NoMatch || now.Validator == "" || r.Validator != now.Validator || r.Size != now.Size || r.Source != engine.ID(s) {
		return Result{}, false
	}
	d, err := ParseDigest(r.Digest)
	evidence, known := evidenceNamed(r.Evidence)
	if err != nil || !known || evidence < t.file.Evidence {
		return Result{}, false
	}
	if match == store.Touched && !t.stillHas(ctx, r, d) {
		return Result{}, false
	}
	result := t.skipped(r.Size)
	result.Digest, result.Evidence = d, evidence
	return result, true
}

// stillHas reports whether the file at the destination has the digest of its receipt,
// which then speaks for it as it is now.
func (t *Transfer) stillHas(ctx context.Context, r store.Receipt, d Digest) bool {
	if t.file.Extract {
		return false
	}
	h := source.NewHash(d.Algorithm)
	file, err := t.dest.Hash(ctx, h)
	if err != nil || source.NewDigest(d.Algorithm, h) != d {
		return false
	}
	t.confirm(ctx, r, file)
	return true
}
