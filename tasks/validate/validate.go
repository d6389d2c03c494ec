// Package validate finds what is wrong with configuration before an application
// starts on it: files, secrets, certificates, the environment. [Validator.Run] is
// the entry point.
//
// Files and variables may contain secrets: no [Problem] quotes a value, and no excerpt shows one.
package validate

import (
	"context"

	"github.com/inith/inith/internal/diag"
)

// A Problem is one thing that is wrong.
type Problem struct {
	Path         string // of the file, or $NAME of a variable
	Line, Column int    // from 1; zero if it has no place
	Rule         string // such as "required-key", a row of the table in docs/validate.md
	Message      string // says what is wrong, without a value
	Hint         string // says what to do; "" if that is clear
}

// problemOf converts a problem for callers of the package.
func problemOf(e *diag.Error) Problem {
	return Problem{Path: e.File, Line: e.Line, Column: e.Column, Rule: e.Code, Message: e.Text(), Hint: e.Hint}
}

func (p Problem) diagnostic() *diag.Error {
	return &diag.Error{
		Position: diag.Position{File: p.Path, Line: p.Line, Column: p.Column}, Code: p.Rule, Message: p.Message, Hint: p.Hint,
	}
}

// inFile returns a problem with a file as a whole.
func inFile(path, rule, message, hint string) *diag.Error {
	return inLine(path, 0, rule, message, hint)
}

// inLine returns a problem at the start of a line; line 0 stands for the whole file.
func inLine(path string, line int, rule, message, hint string) *diag.Error {
	e := &diag.Error{Position: diag.Position{File: path, Line: line}, Code: rule, Message: message, Hint: hint}
	if line > 0 {
		e.Column = 1
	}
	return e
}

// A Check looks at one input. It returns an error only if it could not look;
// what it finds is data. It is safe for concurrent use.
type Check interface {
	Check(ctx context.Context, in Input) ([]Problem, error)
}

// Rules describe what to check.
type Rules struct {
	Files  []FileRule
	TLS    []TLSRule
	Env    []EnvRule
	Ignore []string // names of rules whose problems are not reported
}
