package source

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A storeFile is an object in a store.
type storeFile struct {
	*stored
	key, shown string
	listed     Info // what the listing said; Size -1: it was not listed

	mu    sync.Mutex
	bytes *webFile
	made  string // the revision of the store that bytes is of
}

func (f *storeFile) Name() string   { return f.shown }
func (f *storeFile) Origin() string { return f.origin }

// Identity returns the server, the bucket and the key.
func (f *storeFile) Identity() string { return fmt.Sprintf("%s %s %q", f.origin, &f.location, f.key) }

// Stat returns what the listing said; of an object that was not listed, what its headers say.
func (f *storeFile) Stat(ctx context.Context) (Info, error) {
	if f.listed.Size >= 0 {
		return f.listed, nil
	}
	return f.Describe(ctx)
}

// Describe returns what the headers of the object say: a listing has no checksums.
func (f *storeFile) Describe(ctx context.Context) (Info, error) {
	part, err := again(func() (*Part, error) {
		file := f.file()
		return file.open(ctx, file.url, request{n: Whole, head: true})
	})
	if err != nil {
		return Info{}, f.orDirectory(ctx, err)
	}
	return part.Info, part.Body.Close()
}

// Open asks for the object as a whole where it is to be sent from the first byte on, if the answer describes it only then:
// the store sends parts too if it is asked for them.
func (f *storeFile) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	asked := n
	if f.wholeFirst && off == 0 && n == ToEnd && validator == "" {
		asked = Whole
	}
	part, err := again(func() (*Part, error) { return f.file().Open(ctx, off, asked, validator) })
	if err != nil {
		return nil, f.orDirectory(ctx, err)
	}
	if asked != n && part.Size >= 0 {
		part.Ranged = true
	}
	return part, nil
}

// file returns the object as it is reached now.
func (f *storeFile) file() *webFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.revision(); f.bytes == nil || f.made != now {
		f.bytes, f.made = f.object(f.key), now
	}
	return f.bytes
}

// orDirectory returns err, or if it says that there is no such object, that there are some below.
func (f *storeFile) orDirectory(ctx context.Context, err error) error {
	if !errors.Is(err, errNoKey) || f.listed.Size >= 0 || f.pinned {
		return err
	}
	if found, listErr := f.any(ctx, f.key+"/"); listErr != nil || !found {
		return err
	}
	return Permanent(ErrDirectory)
}
