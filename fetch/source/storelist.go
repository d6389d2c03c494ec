package source

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// Bounds of a listing.
const (
	maxStorePages = 10_000
	maxStorePage  = 8 << 20 // bytes; of 1,000 keys of 1,024 bytes, each percent-encoded, some 4 MiB
)

// A storePage is a part of a listing.
type storePage struct {
	entries []storeEntry
	next    string // the token of the next page; "": there is none
}

// A storeEntry is an object of a listing.
type storeEntry struct {
	key       string
	validator string // "": the listing has none
	size      int64
	directory bool // it stands for a directory, although it is an object
}

// errNoListing is the error for an answer that is no page of a listing.
var errNoListing = errors.New("no listing")

// A storeListing is the part of a listing that the bucket has sent so far.
type storeListing struct {
	*stored
	objects []Object
	token   string // of the page to ask for; "": the first
	pages   int
}

// list returns all objects. A key that ends in a slash and has no bytes stands for a directory in some tools: it is not a file.
func (l *storeListing) list(ctx context.Context) ([]Object, error) {
	for ; l.pages < maxStorePages; l.pages++ {
		page, err := l.page(ctx, l.key, l.token, 0)
		if err != nil {
			return nil, err
		}
		for _, e := range page.entries {
			if e.directory || strings.HasSuffix(e.key, "/") && e.size == 0 {
				continue
			}
			if len(l.objects) == maxListed {
				return nil, Permanent(tooManyFiles())
			}
			l.objects = append(l.objects, l.entry(e))
		}
		switch page.next {
		case "":
			return l.objects, nil
		case l.token:
			return nil, Permanent(notUnderstood("a listing that begins again"))
		}
		l.token = page.next
	}
	return nil, Permanent(notUnderstood("a listing without an end"))
}

// entry returns an object of the listing. Its name is the server's: the caller checks it before it becomes a path.
func (l *storeListing) entry(e storeEntry) Object {
	info := Info{Size: e.size, Validator: e.validator}
	shown := l.location
	shown.Path += "/" + e.key
	name := strings.TrimPrefix(e.key, l.key)
	if name == "" {
		name = "/" // bytes with the name of the directory
	}
	return Object{Name: name, Size: e.size, Validator: info.Validator, Source: &storeFile{stored: l.stored, key: e.key, shown: redact.URL(&shown), listed: info}}
}

// any reports whether there is a key that begins so.
func (b *stored) any(ctx context.Context, prefix string) (bool, error) {
	page, err := b.page(ctx, prefix, "", 1)
	return err == nil && len(page.entries) > 0, err
}

// page asks for a page of the listing, and checks it.
func (b *stored) page(ctx context.Context, prefix, token string, most int) (*storePage, error) {
	text, err := again(func() (string, error) { return b.listing(prefix, token, most).text(ctx) })
	if err != nil {
		return nil, err
	}
	page, err := b.read(text)
	if err == nil {
		err = page.check(prefix)
	}
	if err != nil {
		return nil, Permanent(notUnderstood(err.Error()))
	}
	return page, nil
}

// check refuses keys that were not asked for.
func (p *storePage) check(prefix string) error {
	for _, e := range p.entries {
		if e.key == "" || !strings.HasPrefix(e.key, prefix) || e.size < 0 {
			return errors.New("keys that were not asked for")
		}
	}
	return nil
}

// text returns an answer that is a page of a listing.
func (f *webFile) text(ctx context.Context) (string, error) {
	resp, err := f.send(ctx, f.url, request{n: Whole})
	if err != nil {
		return "", err
	}
	if err := f.refused(resp); err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := statusError(resp); err != nil {
		return "", err
	}
	timer := time.AfterFunc(DefaultHeaderWait, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxStorePage))
	if err != nil {
		return "", explain(err)
	}
	return string(b), nil
}

// notUnderstood is the error for an answer that no store gives.
func notUnderstood(got string) error {
	return &usererr.Error{
		Text: "the answer is not understood: " + got,
		Hint: "is the endpoint that of the store, or of a server with its API? Is a proxy between?",
	}
}
