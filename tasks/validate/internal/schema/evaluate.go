package schema

import (
	"slices"
	"strings"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// The limits of an evaluation.
const (
	maxSteps      = 20_000_000
	maxNesting    = 4000
	maxViolations = 1000 // of a schema, for a value
)

// An evaluation is the evaluation of one document.
type evaluation struct {
	steps  int
	depth  int
	failed bool // a bound was passed: no result holds
	scope  []*resource

	// known are the outcomes of targets of references. Without them, a schema with alternatives that refer to itself would
	// take exponential time. It is nil if outcomes depend on the scope.
	known map[visit]*outcome
}

// A visit is a schema for a value.
type visit struct {
	schema *subschema
	node   *document.Node
}

// maxKnown bounds the memory for outcomes.
const maxKnown = 100_000

// follow evaluates the target of a reference, once for each value.
func (e *evaluation) follow(target *subschema, n *document.Node, at *trail, out *outcome) {
	key := visit{target, n}
	sub := e.known[key]
	if sub == nil {
		sub = e.eval(target, n, at)
		if e.known != nil && len(e.known) < maxKnown && !e.failed {
			e.known[key] = sub
		}
	}
	e.spend(len(sub.members) + len(sub.items))
	out.take(sub)
	out.learn(sub)
}

// spend counts n steps.
func (e *evaluation) spend(n int) {
	e.steps += n + 1
	if e.steps > maxSteps {
		e.failed = true
	}
}

// An outcome is the result of a schema for a value.
type outcome struct {
	violations []*diag.Error
	members    map[int]bool // the members of a mapping that were evaluated
	items      map[int]bool // the items of a list
}

func (o *outcome) valid() bool { return len(o.violations) == 0 }

func (o *outcome) add(n *document.Node, at *trail, keyword, message string) {
	if len(o.violations) < maxViolations {
		if name := at.String(); name != "" {
			message = name + " " + message
		} else {
			message = "the value " + message
		}
		o.violations = append(o.violations, &diag.Error{Position: n.Position(), Code: keyword, Message: message})
	}
}

// take adds the violations of another outcome.
func (o *outcome) take(other *outcome) {
	room := min(len(other.violations), maxViolations-len(o.violations))
	o.violations = append(o.violations, other.violations[:room]...)
}

// learn adds what a valid schema has evaluated.
func (o *outcome) learn(other *outcome) {
	for i := range other.members {
		o.markMember(i)
	}
	for i := range other.items {
		o.markItem(i)
	}
}

func (o *outcome) markMember(i int) {
	if o.members == nil {
		o.members = map[int]bool{}
	}
	o.members[i] = true
}

func (o *outcome) markItem(i int) {
	if o.items == nil {
		o.items = map[int]bool{}
	}
	o.items[i] = true
}

// eval evaluates a schema for a value.
func (e *evaluation) eval(s *subschema, n *document.Node, at *trail) *outcome {
	out := &outcome{}
	e.spend(0)
	e.depth++
	defer func() { e.depth-- }()
	if e.depth > maxNesting {
		e.failed = true
	}
	if e.failed {
		return out
	}
	if len(e.scope) == 0 || e.scope[len(e.scope)-1] != s.resource {
		e.scope = append(e.scope, s.resource)
		defer func() { e.scope = e.scope[:len(e.scope)-1] }()
	}
	if s.never {
		out.add(n, at, "false", "must not be there")
	}
	for _, k := range s.keywords {
		if e.failed {
			break
		}
		k(e, n, at, out)
	}
	return out
}

// apply evaluates a schema in place and adds its violations to out.
func (e *evaluation) apply(s *subschema, n *document.Node, at *trail, out *outcome) {
	sub := e.eval(s, n, at)
	e.spend(len(sub.members) + len(sub.items))
	out.take(sub)
	out.learn(sub)
}

// A trail is the path from the root of a document to a value. It shows only keys that the schema names.
type trail struct {
	up   *trail
	step string
}

func (t *trail) key(name string, known bool) *trail {
	if !known || !isShown(name) {
		name = "…"
	}
	return &trail{t, name}
}

// String returns the trail in the syntax of paths, "" for the root.
func (t *trail) String() string {
	var steps []string
	for ; t != nil; t = t.up {
		steps = append(steps, t.step)
	}
	slices.Reverse(steps)
	return strings.ReplaceAll(strings.Join(steps, "."), ".[", "[")
}

// isShown reports whether a name of a schema has only characters of names.
func isShown(name string) bool {
	return name != "" && len(name) <= 64 &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") == ""
}
