package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

// A Source gives the bytes of one object. It is safe for concurrent use.
type Source interface {
	// Name returns the source as it may be shown.
	Name() string
	// Host names what connections are counted by, such as scheme, host and port.
	Host() string
	// Open asks for the bytes of r. With a tag, they must be of the object that
	// has it. A source that cannot begin in the middle gives all of the object,
	// which [Part.Span] tells. The caller closes the Body.
	//
	// Errors: [ErrChanged], [ErrNoRange], a [PermanentError], a throttleError;
	// all others may go away.
	Open(ctx context.Context, r Span, tag string) (*Part, error)
}

// A Span is the bytes from Start to before End. With an End of -1 it goes to the
// end of the object.
type Span struct{ Start, End int64 }

// whole asks for all of an object in one piece, without ranges.
func whole() Span { return Span{0, -1} }

// An Info is what a source says of its object.
type Info struct {
	Size    int64    // bytes; -1: not known
	Tag     string   // changes when the bytes change; "": none that can be relied on
	Digests []Digest // of the whole object
	Closed  bool     // nothing but the end of the connection marks the end of the bytes
}

// A Part is an answer to [Source.Open].
type Part struct {
	Info
	Span        // what Body holds; it may begin before what was asked for, and end before
	Ranged bool // the source can begin in the middle
	Body   io.ReadCloser
}

// ErrChanged means that the object is not the one that the tag is of.
var ErrChanged = errors.New("the file changed on the server while it was fetched")

// ErrNoRange means that the source cannot begin in the middle.
var ErrNoRange = errors.New("the server does not send parts of the file")

// A PermanentError is a refusal that no retry can clear.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

func permanent(err error) error { return &PermanentError{err} }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}

// A throttleError means that the server wants fewer requests.
type throttleError struct {
	err   error
	after time.Duration // until the next request; zero: not told
}

func (e *throttleError) Error() string { return e.err.Error() }
func (e *throttleError) Unwrap() error { return e.err }
