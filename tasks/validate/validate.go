// Package validate finds what is wrong with configuration before an application
// starts on it: files, secrets, certificates, the environment. [Validator.Run] is
// the entry point.
//
// Files and variables hold secrets: no [Problem] quotes a value, and no excerpt
// shows one.
package validate

import (
	"context"

	"github.com/inith/inith/internal/document"
)

// A Problem is one thing that is wrong.
type Problem struct {
	Path         string // of the file, or $NAME of a variable
	Line, Column int    // from 1; zero if it has no place
	Rule         string // such as "required-key", a row of the table in docs/validate.md
	Message      string // says what is wrong, without a value
	Hint         string // says what to do; "" if that is clear
}

// A Check looks at one input. It returns an error only if it could not look;
// what it finds is data. It is safe for concurrent use.
type Check interface {
	Check(ctx context.Context, in Input) ([]Problem, error)
}

// An Input is a file that was read.
type Input struct {
	Path      string
	Data      []byte
	Documents []*document.Node // nil if the file has no structure, or could not be parsed
}

// Rules say what to look at, and what it has to be.
type Rules struct {
	Files []FileRule
	TLS   []TLSRule
	Env   []EnvRule
}
