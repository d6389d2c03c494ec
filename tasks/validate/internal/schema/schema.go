// Package schema checks documents against JSON Schema, drafts 4 to 2020-12: all
// violations, each with the position of the value, formats asserted. It has its own
// validator because it works on the nodes of [document], which have positions, and
// because no library does without work at the start of every command.
//
// A reference is to the schema itself or to a file next to it, never to the network.
// Schemas and documents may come from anywhere: time, memory and depth are
// bounded, and no violation quotes a value.
package schema

import (
	"errors"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// A Schema is ready for use, and safe for concurrent use.
type Schema struct {
	root *subschema
}

// ErrTooComplex is the error for a schema that refers to itself without end, or
// takes more steps to evaluate than any that is meant to be used.
var ErrTooComplex = errors.New("the schema refers to itself without end, or is too complex to evaluate")

// Validate returns the violations of a document, in the order of the file. The code
// of each is the keyword of the schema. Its error is [ErrTooComplex].
func (s *Schema) Validate(root *document.Node) ([]*diag.Error, error) {
	e := &evaluation{}
	out := e.eval(s.root, root, nil)
	if e.failed {
		return nil, ErrTooComplex
	}
	return diag.Compact(out.violations), nil
}
