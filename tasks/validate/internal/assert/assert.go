// Package assert is the language of assertions on documents:
//
//	assertion   = conjunction { "or" conjunction }
//	conjunction = term { "and" term }
//	term        = comparison | "not" term | "(" assertion ")"
//	comparison  = operand ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) operand
//	            | operand "in" ( number ".." number | "[" literal { "," literal } "]" )
//	            | operand "matches" string
//	            | "path(" path ")" "exists"
//	operand     = literal | path | "len(" path ")"
//	literal     = number | string | "true" | "false" | "null"
//
// A path is that of [document.ParsePath], a string is in double quotes with \" and
// \\ as escapes, and what it matches is a regular expression of Go, anywhere in
// the value unless ^ and $ say otherwise. There is nothing more.
package assert

import (
	"github.com/inith/inith/internal/document"
)

// An Assertion is what must hold for a document. It is safe for concurrent use.
type Assertion struct {
	text string // with its strings masked
	root term
}

// String returns the assertion without the strings in it.
func (a *Assertion) String() string { return a.text }

// A Result is what became of an assertion.
type Result struct {
	Holds   bool
	Value   *document.Node  // that made it fail; nil if there is none, or it holds
	Missing *document.Found // where a key that it names is missing
	Reason  string          // why it fails, without a value; "" if it is just false
}

// Eval evaluates the assertion for a document. exists reports whether a file exists.
func (a *Assertion) Eval(root *document.Node, exists func(path string) bool) Result {
	return a.root.eval(&evaluation{root, exists})
}

// An evaluation is that of an assertion on a document.
type evaluation struct {
	root   *document.Node
	exists func(path string) bool
}

// A term is a part of an assertion that holds or does not hold.
type term interface {
	eval(s *evaluation) Result
}

// A junction joins terms with and, or with or.
type junction struct {
	terms []term
	or    bool
}

func (j junction) eval(s *evaluation) Result {
	var failed *Result
	for _, t := range j.terms {
		r := t.eval(s)
		if r.Holds == j.or {
			return r
		}
		if failed == nil {
			failed = &r
		}
	}
	if !j.or {
		return Result{Holds: true}
	}
	return *failed
}

type negation struct{ term term }

// If a key is missing or has the wrong type, the negation does not hold either.
func (n negation) eval(s *evaluation) Result {
	r := n.term.eval(s)
	if r.Missing != nil || r.Reason != "" {
		return r
	}
	return Result{Holds: !r.Holds, Value: r.Value}
}
