package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/sigv4"
	"github.com/inith/inith/internal/usererr"
)

// A store is a bucket of one of the services that serve objects by HTTP: what differs between them.
type store interface {
	// revision changes when requests have to be sent otherwise than before.
	revision() string
	// object returns an object, and listing a page of the keys that begin with a prefix: with so many at most; zero: as many as
	// the server sends.
	object(key string) *webFile
	listing(prefix, token string, most int) *webFile
	// read reads the answer to that.
	read(text string) (*storePage, error)
}

// A stored is what a URL means in a store.
type stored struct {
	store
	location   url.URL // of the bucket
	key        string  // of an object; empty, or with a slash at its end, what keys begin with
	pinned     bool    // the URL names a version of the object
	origin     string
	wholeFirst bool // what the server knows of an object comes with all of it, and not with parts
}

// isPrefix reports whether a key stands for a directory.
func isPrefix(key string) bool { return key == "" || key[len(key)-1] == '/' }

// A storeResolver finds the objects that a URL means.
type storeResolver struct {
	open   func(u *url.URL) (*stored, error)
	origin func(u *url.URL) string  // nil: open says it, without a request or a file
	known  map[string]*storeListing // by URL
}

func newStoreResolver(open func(u *url.URL) (*stored, error), origin func(u *url.URL) string) *storeResolver {
	return &storeResolver{open, origin, map[string]*storeListing{}}
}

// Resolve returns the object of a URL, and sends nothing for it: that it exists shows when it is opened, by [ErrDirectory] too. For a
// URL that ends in a slash it returns all objects whose keys begin so, which the bucket lists.
func (r *storeResolver) Resolve(ctx context.Context, u *url.URL) ([]Object, error) {
	if l := r.known[u.String()]; l != nil {
		return l.list(ctx)
	}
	b, err := r.open(u)
	if err != nil {
		return nil, err
	}
	if !isPrefix(b.key) {
		return []Object{{Size: -1, Unsure: true, Source: &storeFile{stored: b, key: b.key, shown: redact.URL(u), listed: Info{Size: -1}}}}, nil
	}
	l := &storeListing{stored: b}
	r.known[u.String()] = l
	return l.list(ctx)
}

// Origin returns that of the bucket, as far as it is known without a request or a file.
func (r *storeResolver) Origin(u *url.URL) string {
	if r.origin != nil {
		return r.origin(u)
	}
	b, err := r.open(u)
	if err != nil {
		return ""
	}
	return b.origin
}

// encodeQuery returns keys and values as a query, with %20 for a space as signatures want it. A key without a value is left out.
func encodeQuery(pairs ...string) string {
	var all []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, pairs[i]+"="+sigv4.Escape(pairs[i+1], false))
		}
	}
	return strings.Join(all, "&")
}

// countOf returns a number of keys in a query, "" for zero.
func countOf(most int) string {
	if most == 0 {
		return ""
	}
	return strconv.Itoa(most)
}

// loginError says whether it is of use to look for credentials again.
func loginError(err error) error {
	if errors.Is(err, login.ErrFinal) {
		return Permanent(err)
	}
	return unreadable(err)
}

// errNoKey is wrapped by the error for an object that does not exist.
var errNoKey = errors.New("no such key")

// isRefusal reports whether a status may mean something else for a store than for others.
func isRefusal(status int) bool {
	return status/100 == 4 && status != http.StatusRequestedRangeNotSatisfiable && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// noObject is the error for an object that does not exist.
func noObject(text string) error {
	return Permanent(&usererr.Error{
		Text: "answered status 404: " + text, Hint: "Check the bucket or container, the name (upper and lower case differ), and the endpoint.", Err: errNoKey,
	})
}

// refused is the error for a code of a store.
func refused(status int, code, text, hint string) error {
	if code != "" {
		text = code + ": " + text
	}
	return &usererr.Error{Text: fmt.Sprintf("answered status %d: %s", status, text), Hint: hint}
}

// refusedForGood is the permanent error for a code of a store.
func refusedForGood(status int, code, text, hint string) error {
	return Permanent(refused(status, code, text, hint))
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
