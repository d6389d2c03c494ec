package store

import (
	"errors"

	"github.com/inith/inith/internal/usererr"
)

// An Error says what the file system refused. Another source would not help.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Refusal returns an Error in words of our own.
func Refusal(message, hint string, err error) error {
	return &Error{&usererr.Error{Text: message, Hint: hint, Err: err}}
}

// refused says what the file system refused. What is there stays for the next run.
func refused(verb string, err error) error {
	if errors.Is(err, errForeign) {
		return Refusal("cannot "+verb+" the file: a name that inith uses in .inith is a link, or not a regular file",
			"another user may have created it: remove .inith next to the destination", err)
	}
	known := usererr.Local(err)
	return Refusal("cannot "+verb+" the file: "+known.Text, known.Hint, err)
}

// IsError reports whether another source would fail as well.
func IsError(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}
