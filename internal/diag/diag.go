// Package diag describes what is wrong at a position of a file: in configuration, in a template, in a plan, in a
// manifest. An [Error] is data that a caller sorts, counts and prints, and an error that it may return.
//
// Files hold secrets: neither a message nor a hint quotes a value.
package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/inith/inith/internal/usererr"
)

// An Error is one thing that is wrong.
type Error struct {
	Position

	Code    string // the rule that it breaks, such as "duplicate-key"; "" if it has no name
	Message string // says what is wrong; "" stands for the text of Err
	Hint    string // says what to do; "" if that is clear, or if Err says it
	Err     error  // for errors.Is and errors.As; nil if there is none
}

// At returns an error that err is at a position.
func At(p Position, err error) *Error { return &Error{Position: p, Err: err} }

// Error returns the position and the text.
func (e *Error) Error() string {
	if e.Position == (Position{}) {
		return e.Text()
	}
	return fmt.Sprintf("%s: %s", e.Position, e.Text())
}

// Text returns what is wrong, without the position.
func (e *Error) Text() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Advice returns the hint, or that of the cause. [usererr.Hint] finds it.
func (e *Error) Advice() string {
	if e.Hint != "" {
		return e.Hint
	}
	return usererr.Hint(e.Err)
}

// Compare orders errors by position, then by what they say.
func (e *Error) Compare(other *Error) int {
	return cmp.Or(
		e.Position.Compare(other.Position),
		cmp.Compare(e.Code, other.Code),
		cmp.Compare(e.Text(), other.Text()),
	)
}

// Sort puts errors in the order of [Error.Compare], which does not depend on the order in which they were found.
func Sort(all []*Error) { slices.SortStableFunc(all, (*Error).Compare) }

// Compact sorts errors and drops those that say the same as the one before.
func Compact(all []*Error) []*Error {
	Sort(all)
	return slices.CompactFunc(all, func(a, b *Error) bool { return a.Compare(b) == 0 })
}
