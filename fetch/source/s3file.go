package source

import (
	"context"
	"errors"
	"net/url"
	"sync"

	"github.com/inith/inith/internal/credentials"
)

// An s3File is an object in a bucket.
type s3File struct {
	bucket     *s3Bucket
	key, shown string
	origin     string
	listed     Info // what the listing said; Size -1: it was not listed

	mu     sync.Mutex
	bytes  *webFile // in the region
	region string   // of bytes
}

func (b *s3Bucket) object(key, shown string, listed Info) *s3File {
	return &s3File{bucket: b, key: key, shown: shown, origin: credentials.Origin(b.web.access.URL), listed: listed}
}

func (f *s3File) Name() string   { return f.shown }
func (f *s3File) Origin() string { return f.origin }

// Stat returns what the listing said; of an object that was not listed, what its headers say.
func (f *s3File) Stat(ctx context.Context) (Info, error) {
	if f.listed.Size >= 0 {
		return f.listed, nil
	}
	return f.Describe(ctx)
}

// Describe returns what the headers of the object say: a listing has no checksums.
func (f *s3File) Describe(ctx context.Context) (Info, error) {
	part, err := again(func() (*Part, error) {
		file := f.file()
		return file.open(ctx, file.url, request{n: Whole, head: true})
	})
	if err != nil {
		return Info{}, f.orDirectory(ctx, err)
	}
	return part.Info, part.Body.Close()
}

// Open asks for the object as a whole, where it is to be sent from the first byte on: the answer has checksums of it then, and
// the store sends parts too if it is asked for them.
func (f *s3File) Open(ctx context.Context, off, n int64, validator string) (*Part, error) {
	asked := n
	if off == 0 && n == ToEnd && validator == "" {
		asked = Whole
	}
	part, err := again(func() (*Part, error) { return f.file().Open(ctx, off, asked, validator) })
	if err != nil {
		return nil, f.orDirectory(ctx, err)
	}
	if n == ToEnd && part.Size >= 0 {
		part.Ranged = true
	}
	return part, nil
}

// file returns the object in the region where the bucket is known to be.
func (f *s3File) file() *webFile {
	place := f.bucket.where()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes == nil || f.region != place.Region {
		u := place.ObjectURL(f.key)
		if version := f.bucket.name.version; version != "" {
			u.RawQuery = url.Values{"versionId": {version}}.Encode()
		}
		f.bytes, f.region = &webFile{web: f.bucket.access(place.Region), url: u}, place.Region
	}
	return f.bytes
}

// orDirectory returns err, or if it says that there is no such object, that there are some below.
func (f *s3File) orDirectory(ctx context.Context, err error) error {
	if !errors.Is(err, errNoKey) || f.listed.Size >= 0 || f.bucket.name.version != "" {
		return err
	}
	if found, listErr := f.bucket.any(ctx, f.key+"/"); listErr != nil || !found {
		return err
	}
	return Permanent(ErrDirectory)
}

// An againError is a refusal that says how the next request can succeed.
type againError struct{ error }

func (e *againError) Unwrap() error { return e.error }

// again sends a request once more after each refusal that says how it can succeed: in another region, with other credentials.
func again[T any](send func() (T, error)) (T, error) {
	const most = 2
	for tries := 0; ; tries++ {
		answer, err := send()
		better, ok := errors.AsType[*againError](err)
		if !ok {
			return answer, err
		}
		if tries == most {
			return answer, better.error
		}
	}
}
