package fetch

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"time"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/usererr"
)

// A Cache is a directory that [Fetcher.Cache] names, to list, prune and verify.
type Cache struct{ Dir string }

// A CacheObject is a file in a [Cache].
type CacheObject struct {
	Digest  Digest // that names it
	Size    int64  // bytes
	Used    time.Time
	Partial bool // a download that was not completed: of this user, as those of others cannot be seen
}

// An ObjectError means that objects of a cache have other bytes than their digests say.
type ObjectError struct{ Wrong, Of int }

func (e *ObjectError) Error() string {
	return fmt.Sprintf("verify the cache: objects with other bytes than their digest says: %d of %d", e.Wrong, e.Of)
}

func (c Cache) open() *store.Cache { return newCache(c.Dir, 0, &store.Store{}) }

// Objects returns what is in the cache, the least recently used first. Errors: what the file system refuses.
func (c Cache) Objects() ([]CacheObject, error) {
	entries, err := c.open().Entries()
	if err != nil {
		return nil, c.failed("list", err)
	}
	var all []CacheObject
	for _, e := range entries {
		all = append(all, objectOf(e))
	}
	return all, nil
}

func objectOf(e *store.Entry) CacheObject {
	return CacheObject{Digest: objectDigest(e.Name), Size: e.Size, Used: e.Used, Partial: e.Partial}
}

// Prune removes what was not used for so long (zero: nothing for its age), and then the least recently used, until the cache
// has no more than so many bytes (zero: any number). It calls removed with each object. What a process downloads or copies
// stays. Errors: a cache that is still larger; what the file system refuses; the cause of ctx.
func (c Cache) Prune(ctx context.Context, most int64, unused time.Duration, removed func(o CacheObject)) error {
	cache := c.open()
	entries, err := cache.Entries()
	if err != nil {
		return c.failed("prune", err)
	}
	size, now := store.Size(entries), time.Now()
	gone := func(e *store.Entry) bool {
		return ctx.Err() == nil && (most > 0 && size > most || unused > 0 && now.Sub(e.Used) >= unused)
	}
	cache.RemoveAll(entries, gone, func(e *store.Entry) {
		size -= e.Size
		removed(objectOf(e))
	})
	cache.Tidy()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if most > 0 && size > most {
		text := fmt.Sprintf("it still has %s: the rest is in use, or belongs to other users", bytesize.Text(size))
		return c.failed("prune", &usererr.Error{Text: text, Hint: "Run it again as a user who may remove them."})
	}
	return nil
}

// Verify hashes all objects, and calls found with each: err is nil if it is right, a [DigestError] if it has other bytes,
// or says why it cannot be read. Errors: [ObjectError] if at least one is wrong; what the file system refuses; the cause of ctx.
func (c Cache) Verify(ctx context.Context, found func(o CacheObject, err error)) error {
	cache := c.open()
	entries, err := cache.Entries()
	if err != nil {
		return c.failed("verify", err)
	}
	total := &ObjectError{}
	var unread error
	for _, e := range entries {
		if e.Partial {
			continue
		}
		o := objectOf(e)
		err := verifyObject(ctx, cache, e.Name, o.Digest)
		_, wrong := errors.AsType[*DigestError](err)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotOurs): // the first: removed meanwhile
			continue
		case wrong:
			total.Wrong++
		case err != nil:
			unread = err
		}
		total.Of++
		found(o, err)
	}
	switch {
	case total.Wrong > 0:
		return total
	case unread != nil:
		return c.failed("verify", unread)
	}
	return nil
}

// errNotOurs means that only another user knows which bytes an object has.
var errNotOurs = errors.New("only the user who downloaded it knows which bytes it has")

func verifyObject(ctx context.Context, cache *store.Cache, name string, want Digest) error {
	at := cache.Object(name)
	defer at.Close()
	at.Look()
	o, err := at.OpenObject()
	if err != nil {
		return err
	}
	defer o.Close()
	if want.Algorithm == versionAlgorithm {
		r, _ := o.Receipt()
		if want = source.AnyDigest(r.Digest); want == (Digest{}) {
			return errNotOurs
		}
	}
	h := source.NewHash(want.Algorithm)
	if err := o.Hash(ctx, []hash.Hash{h}); err != nil {
		return err
	}
	if got := source.NewDigest(want.Algorithm, h); got != want {
		return &DigestError{Source: at.Path, Want: want, Got: got}
	}
	return nil
}

func (c Cache) failed(verb string, err error) error {
	return fmt.Errorf("%s the cache %q: %w", verb, c.Dir, err)
}
