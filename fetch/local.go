package fetch

import (
	"errors"

	"github.com/inith/inith/internal/usererr"
)

// A LocalError tells what a file system refused. Another source would not help.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// refusal returns a LocalError in words of our own.
func refusal(text, hint string, err error) error {
	return permanent(&LocalError{&usererr.Error{Text: text, Hint: hint, Err: err}})
}

// localError says what a file system refused. No retry clears it; what is there
// stays for the next run.
func localError(verb string, err error) error {
	known := usererr.Local(err)
	return refusal("cannot "+verb+" the file: "+known.Text, known.Hint, err)
}

// isLocal reports whether another source would fail as well.
func isLocal(err error) bool {
	_, ok := errors.AsType[*LocalError](err)
	return ok
}
