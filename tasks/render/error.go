package render

import (
	"errors"

	"github.com/inith/inith/internal/diag"
)

// An Error says what is wrong at a position of a template or a file of values. Neither its message nor its hint quotes
// either of them.
type Error struct {
	Path         string // of the file
	Line, Column int    // from 1; zero where it is not known. The column counts characters
	Message      string
	Hint         string // says what to do; "" if that is clear
	Err          error  // the cause; nil if there is none
}

// Error returns PATH:LINE:COLUMN: message.
func (e *Error) Error() string { return e.diagnostic().Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Advice returns the hint.
func (e *Error) Advice() string { return e.Hint }

func (e *Error) diagnostic() *diag.Error {
	return &diag.Error{Position: diag.Position{File: e.Path, Line: e.Line, Column: e.Column}, Message: e.Message}
}

// public is the border between the package and its callers: it makes an [*Error] of each [*diag.Error] that err joins.
func public(err error) error {
	all := diag.Flatten(err)
	for i, e := range all {
		if d, ok := e.(*diag.Error); ok { //nolint:errorlint // what wraps one says more than it
			all[i] = &Error{
				Path: d.File, Line: d.Line, Column: d.Column, Message: d.Text(), Hint: d.Advice(), Err: d.Err,
			}
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}
