// Package usererr translates errors of the kernel, the resolver, TLS and files to texts of inith's own, each with a hint:
// what libraries and servers say may quote secrets. Text says what is wrong, Hint what to do; both may be shown.
package usererr

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// An Error is a cause and advice. Neither Text nor Hint holds a secret; Err is
// for [errors.As] only and is never shown.
type Error struct {
	Text string
	Hint string // "" if there is none
	Err  error
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Err }

// Advice returns the hint. [Hint] finds it.
func (e *Error) Advice() string { return e.Hint }

// An adviser is an error that says what to do.
type adviser interface {
	error
	Advice() string
}

// Hint returns the advice in err, "" if there is none.
func Hint(err error) string {
	if e, ok := errors.AsType[adviser](err); ok {
		return e.Advice()
	}
	return ""
}

// Known is what an error of the kernel means.
type Known struct {
	Errno      syscall.Errno
	Text, Hint string
}

// Errno says what the error of the kernel means that err wraps; nil if it is none
// of those known.
func Errno(err error, all []Known) *Error {
	for _, known := range all {
		if errors.Is(err, known.Errno) {
			return &Error{Text: known.Text, Hint: known.Hint, Err: err}
		}
	}
	return nil
}

// File says that a file of the user's, such as a "password file", is not there
// yet or cannot be read.
func File(what, name string, err error) error {
	cause := "cannot be read"
	if errors.Is(err, os.ErrNotExist) {
		cause = "does not exist yet"
	}
	return &Error{
		Text: fmt.Sprintf("%s %q %s", what, name, cause),
		Hint: "check that the Secret or ConfigMap is mounted there, and readable by this user",
		Err:  err,
	}
}
