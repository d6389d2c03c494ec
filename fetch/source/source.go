// Package source finds objects that can be downloaded, and reads ranges of their bytes: a resolver for each scheme of URL.
//
// [Network.Resolver] returns the [Resolver] of a URL's scheme, which finds the objects
// that the URL means. An object has a [Source] of its bytes. Names and errors hold no
// query, no password and no header.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// A Resolver finds the objects that a URL means: one, or as many as a directory has.
type Resolver interface {
	// Resolve may ask servers. Its errors are those of [Source.Open]. After one that may go
	// away, another call continues where that one stopped.
	Resolve(ctx context.Context, u *url.URL) ([]Object, error)
	// Origin names what the requests of Resolve are counted by, as that of [Source] does; ""
	// if Resolve sends none.
	Origin(u *url.URL) string
}

// A Versioned resolver can tell whether a directory has changed without listing it.
type Versioned interface {
	// Version returns what changes when anything that the URL means changes. It sends no
	// request if the URL itself says it. Its errors are those of [Source.Open].
	Version(ctx context.Context, u *url.URL) (string, error)
}

// An Object is a sequence of bytes that can be fetched.
type Object struct {
	// Name is the path of a file in the directory that the URL means: with slashes, and as the
	// server gives it, which may be hostile. "": the URL means this object and no directory.
	Name      string
	Size      int64    // bytes; -1: known when it is opened
	Digests   []Digest // of the whole object; none where they are known when it is opened
	Validator string   // changes when the bytes change; "": known when it is opened, if there is one
	Unsure    bool     // it may be a directory: Open returns [ErrDirectory] then
	Addressed bool     // Digests, or those that Open returns, are its address: the server finds it by them, and by no other name
	Layer     *Layer   // it is an archive of files, without a name; nil: it is a file
	Source    Source
}

// maxListed is how many files a directory may have.
const maxListed = 100_000

func tooManyFiles() error {
	return &usererr.Error{Text: fmt.Sprintf("the directory has more than %d files", maxListed), Hint: "Fetch its directories one by one."}
}

// A Source gives the bytes of one object. It is safe for concurrent use.
type Source interface {
	// Name returns the source as it may be shown.
	Name() string
	// Origin names what connections are counted by, such as scheme, host and port.
	Origin() string
	// Stat asks what the object is, without its bytes. Its errors are those of Open.
	Stat(ctx context.Context) (Info, error)
	// Open asks for n bytes from off on, or for [Whole] or [ToEnd]. With a validator,
	// they must be of the version that has it. A source that cannot begin in the middle
	// gives all of the object, and the Part tells. The caller closes its Body.
	//
	// Errors: [ErrChanged], [ErrNoRange], a [PermanentError], a [ThrottleError]; all
	// others may go away.
	Open(ctx context.Context, off, n int64, validator string) (*Part, error)
}

// A Describer is a Source that may know less of its object than its server does: Stat sends no request then.
type Describer interface {
	// Describe asks the server what the object is. Its errors are those of [Source.Open].
	Describe(ctx context.Context) (Info, error)
}

// An Identified source differs from all others by its identity.
type Identified interface {
	// Identity returns what no source of another object has, which must not be shown; "" if nothing tells.
	Identity() string
}

// Lengths for [Source.Open] that are not numbers of bytes.
const (
	Whole = -1 // the whole object in one stream, without ranges: off is 0
	ToEnd = -2 // from off to the end
)

// An Info is what a source says of its object.
type Info struct {
	Size      int64    // bytes; -1: not known
	Validator string   // changes when the bytes change; "": none that can be relied on
	Digests   []Digest // of the whole object
	Unframed  bool     // nothing but the end of the connection marks the end of the bytes
	Encoding  string   // that the bytes are compressed with, where the object may be something else; "": none
}

// A Part is an answer to [Source.Open].
type Part struct {
	Info
	Start, End int64 // what Body holds; it may begin before what was asked for, and end before
	Ranged     bool  // the source can begin in the middle
	Body       io.ReadCloser
	File       *os.File // that Body reads and closes, whose bytes are those of the object; nil: there is none
}

// of returns the part as one of an object that a list describes, of a server that may not be the one of the bytes: what the
// list says holds.
func (p *Part) of(info Info, list, server string) (*Part, error) {
	switch {
	case p.Size >= 0 && p.Size != info.Size:
		_ = p.Body.Close()
		return nil, Permanent(&usererr.Error{
			Text: fmt.Sprintf("the server sent a file of %d bytes, and in the %s it has %d", p.Size, list, info.Size),
			Hint: "a proxy or a mirror between may have answered in the " + server + "'s place",
		})
	case p.End < 0:
		p.End = info.Size
	}
	p.Info = info
	return p, nil
}

var (
	// ErrChanged means that the object no longer matches the validator.
	ErrChanged = errors.New("the file changed while it was fetched")

	// ErrNoRange means that the source cannot begin in the middle.
	ErrNoRange = errors.New("the server does not send parts of the file")

	// ErrDirectory means that the URL of an object means a directory, whose URL ends in a slash.
	ErrDirectory = errors.New("it is a directory: there is no object with this key, and there are some below it")

	// ErrCut means that the bytes end before the object, or the part of it, does.
	ErrCut = errors.New("the connection was cut")
)

// A MismatchError means that what describes objects, such as a manifest, has another digest than the one by which it was
// asked for.
type MismatchError struct{ Want, Got Digest }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("digest mismatch of the manifest: want %s, got %s", e.Want, e.Got)
}

// A PermanentError is a refusal that no retry can clear.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent returns a [PermanentError].
func Permanent(err error) error { return &PermanentError{err} }

// IsPermanent reports whether err is a [PermanentError].
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}

// A ThrottleError means that the server wants fewer requests.
type ThrottleError struct {
	Err   error
	After time.Duration // until the next request; zero: the server did not say
}

func (e *ThrottleError) Error() string { return e.Err.Error() }
func (e *ThrottleError) Unwrap() error { return e.Err }
