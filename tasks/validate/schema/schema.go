// Package schema checks documents against JSON Schema, drafts 7 and 2020-12: all
// violations, each with the place of the value, formats asserted. It has its own
// validator because it works on the nodes of [document], which have places, and
// because no library does without work at the start of every command.
//
// References lead within a schema and to files beside it, never to the network.
// Schemas and documents may come from anywhere: time, memory and depth are
// bounded, and no violation quotes a value.
package schema

import (
	"errors"
	"fmt"

	"github.com/inith/inith/internal/document"
)

// A Schema is ready for use, and safe for concurrent use.
type Schema struct {
	root *subschema
}

// An Error says that a schema cannot be used, and where it is wrong.
type Error struct {
	Name         string // of the file
	Line, Column int    // zero if it has no place
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Name, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
}

// ErrTooComplex is the error for a schema that refers to itself without end, or
// takes more steps to evaluate than any that is meant to be used.
var ErrTooComplex = errors.New("the schema refers to itself without end, or is too complex to evaluate")

// A Violation is a value that is not as the schema wants it.
type Violation struct {
	Line, Column int
	Keyword      string // of the schema
	Message      string // says what is wrong, without a value
}

// Validate returns the violations of a document, in the order of the file. Its
// error is [ErrTooComplex].
func (s *Schema) Validate(root *document.Node) ([]Violation, error) {
	e := &evaluation{}
	out := e.eval(s.root, root, nil)
	if e.failed {
		return nil, ErrTooComplex
	}
	return inOrder(out.violations), nil
}
