package fetch

import (
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/internal/duration"
)

// A DigestError means that a file has another content than the one asked for.
type DigestError struct {
	Source    string // as it may be shown
	Want, Got Digest
	Evidence  Evidence // that Want is
	Looks     string   // what the content looks like, such as "an HTML page"; "" if like nothing known
	Earlier   bool     // an earlier run found it, and the file has not changed on the server since
}

func (e *DigestError) Error() string {
	message := fmt.Sprintf("fetch %s: digest mismatch: want %s (%s), got %s", e.Source, e.Want, e.Evidence, e.Got)
	if e.Looks != "" {
		message += ": what was sent is " + e.Looks
	}
	if e.Earlier {
		message += "; an earlier run downloaded it, and it has not changed on the server since"
	}
	return message
}

// An EvidenceError means that less speaks for the content than was asked for.
type EvidenceError struct {
	Source    string // as it may be shown
	Want, Got Evidence
}

func (e *EvidenceError) Error() string {
	return fmt.Sprintf("fetch %s: evidence wanted: %s, there is: %s", e.Source, e.Want, e.Got)
}

// A StallError means that no byte came for so long.
type StallError struct {
	After time.Duration
	Err   error // the last cause; nil: none is known
}

func (e *StallError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("no byte came for %s", duration.Format(e.After))
	}
	return fmt.Sprintf("%v, and no byte came for %s", e.Err, duration.Format(e.After))
}

func (e *StallError) Unwrap() error { return e.Err }

// A LocalError means that the file system refused something. Another source would not
// help.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// A SourceError says why a source did not give the file.
type SourceError struct {
	Source string // as it may be shown
	Path   string // the destination, if it is the cause
	Err    error
}

func (e *SourceError) Error() string {
	to := ""
	if e.Path != "" {
		to = " to " + e.Path
	}
	return "fetch " + e.Source + to + ": " + e.Err.Error()
}

func (e *SourceError) Unwrap() error { return e.Err }

// named adds the source to an error, if it does not name it itself.
func named(name string, err error) error {
	for _, named := range []any{new(*DigestError), new(*EvidenceError), new(*SourceError)} {
		if errors.As(err, named) {
			return err
		}
	}
	return &SourceError{Source: name, Err: err}
}
