package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// objectName returns the name of the object of the cache that has a digest.
func objectName(d Digest) string { return d.Algorithm + "-" + d.Hex }

// objectDigest is the inverse of [objectName]. The zero Digest stands for what is no name of an object.
func objectDigest(name string) Digest {
	i := max(0, strings.LastIndexByte(name, '-'))
	algorithm, value := name[:i], strings.TrimPrefix(name[i:], "-")
	if algorithm == versionAlgorithm {
		d := source.AnyDigest("sha256:" + value)
		if d.Hex != value {
			return Digest{}
		}
		return Digest{Algorithm: versionAlgorithm, Hex: value}
	}
	d := source.AnyDigest(algorithm + ":" + value)
	if objectKey([]Digest{d}) != d || objectName(d) != name {
		return Digest{}
	}
	return d
}

// versionAlgorithm is that of the digests that name objects whose content has no digest before it is downloaded.
const versionAlgorithm = "version"

// versionKey names an object by what tells this version of a file from all others: the source, and what the server says of
// the version. It is of one user: only who has downloaded the object knows that its bytes are those of the name.
func versionKey(s source.Source, info source.Info) Digest {
	identified, ok := s.(source.Identified)
	if !ok || identified.Identity() == "" || info.Validator == "" || info.Size < 0 || info.Encoding != "" {
		return Digest{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q %d", os.Geteuid(), identified.Identity(), info.Validator, info.Size))
	return Digest{Algorithm: versionAlgorithm, Hex: hex.EncodeToString(sum[:])}
}

// objectKey returns the digest that names an object, of those that are known of a file. Those of the other algorithms
// find errors only: others could make an object that has them.
func objectKey(digests []Digest) Digest {
	for _, algorithm := range []string{"sha256", "sha512", "blake3", "git-blob-"} {
		for _, d := range digests {
			if d.Algorithm == algorithm || strings.HasSuffix(algorithm, "-") && strings.HasPrefix(d.Algorithm, algorithm) {
				return d
			}
		}
	}
	return Digest{}
}

// A cacheUse is what a job may use the cache for.
type cacheUse struct {
	listed source.Info // of the file; without digests: what the server says
	link   bool        // the destination may be a hard link
	verify bool        // hash an object even if its receipt matches
	report func(Phase) // reports what is done
}

// perform fetches the file of a job: from the cache, which gets it first if need be, or where that cannot be, as without a
// cache. It returns nil without an error if the destination is up to date. The caller calls end when the file is at its
// destination, or cannot be.
func (t *Transfer) perform(ctx context.Context, job *engine.Job, use cacheUse) (v *engine.Verified, end func(), err error) {
	end = func() {}
	o := &objectTransfer{cacheUse: use, cache: t.fetcher.rooms().cache, job: job, log: t.log.With("source", job.Source.Name())}
	if o.cache != nil && job.Source.Origin() != "file" {
		if err := o.find(ctx); err != nil {
			return nil, end, err
		}
		if o.asked && job.UpToDate != nil {
			if job.UpToDate(ctx, o.info) {
				return nil, end, nil
			}
			job.UpToDate = nil
		}
		if o.want == (Digest{}) {
			o.log.InfoContext(ctx, "not cached: the server says neither a digest nor a version of the file")
		}
	}
	if o.want == (Digest{}) {
		v, err = job.Run(ctx)
		return v, end, err
	}
	v, err = o.run(ctx)
	if pass, ok := errors.AsType[*passError](err); ok {
		t.warnUncached(ctx, pass.err)
		v, err = job.Run(ctx)
	}
	return v, o.end, err
}

// A passError means that the file has to be fetched without the cache.
type passError struct{ err error }

func (e *passError) Error() string { return e.err.Error() }
func (e *passError) Unwrap() error { return e.err }

// warnUncached reports once why the cache is of no use.
func (t *Transfer) warnUncached(ctx context.Context, why error) {
	if !t.fetcher.uncached.Swap(true) {
		t.log.WarnContext(ctx, "the cache cannot be used: fetching without it", "path", t.fetcher.Cache, "err", why)
	}
}

func newCache(dir string, most int64, s *store.Store) *store.Cache {
	return &store.Cache{Dir: dir, Max: most, Store: s, Is: func(name string) bool { return objectDigest(name) != Digest{} }}
}
