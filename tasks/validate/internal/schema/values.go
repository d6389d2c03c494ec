package schema

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/inith/inith/internal/document"
)

func isTrue(n *document.Node) bool { return strings.EqualFold(n.Text, "true") }

// typeNames maps the types to their names in messages.
func typeNames() map[string]string {
	return map[string]string{
		"null": "null", "boolean": "a boolean", "integer": "an integer", "number": "a number",
		"string": "a string", "array": "a list", "object": "a mapping",
	}
}

func typeOf(s *site, name string, value *document.Node) keyword {
	types := []string{value.Text}
	if value.Kind == document.Sequence {
		types = s.texts(name, value)
	}
	var want []string
	for _, t := range types {
		words, ok := typeNames()[t]
		if !ok {
			return s.wrong(name, value, "null, boolean, integer, number, string, array or object")
		}
		want = append(want, words)
	}
	return func(_ *evaluation, n *document.Node, at *trail, out *outcome) {
		if !slices.ContainsFunc(types, func(t string) bool { return hasType(n, t) }) {
			out.add(n, at, name, "is "+typeNames()[jsonType(n.Kind)]+", not "+strings.Join(want, " or "))
		}
	}
}

func jsonType(k document.Kind) string {
	return [...]string{"null", "boolean", "integer", "number", "string", "array", "object"}[k]
}

// hasType reports whether n has a type. A string of a dotenv file may also be a number or a boolean.
func hasType(n *document.Node, t string) bool {
	kind := n.TypedKind()
	switch {
	case jsonType(n.Kind) == t || jsonType(kind) == t:
		return true
	case t == "number":
		return kind == document.Int
	case t == "integer" && kind == document.Float:
		r, ok := n.Number()
		return ok && r.IsInt()
	}
	return false
}

func enum(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Sequence {
		return s.wrong(name, value, "a list")
	}
	e := &evaluation{}
	known := map[string]bool{}
	for _, item := range value.Items {
		known[e.canonical(item)] = true
	}
	list := wordList(value.Items)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if !known[e.canonical(n)] {
			out.add(n, at, name, "is none of "+list)
		}
	}
}

// wordList lists values of a schema if they are short words.
func wordList(items []*document.Node) string {
	var words []string
	for _, item := range items {
		if len(words) == 8 || len(item.Text) > 24 || !isShown(item.Text) {
			return "the allowed values"
		}
		words = append(words, item.Text)
	}
	return strings.Join(words, ", ")
}

func constant(_ *site, name string, value *document.Node) keyword {
	want := (&evaluation{}).canonical(value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if e.canonical(n) != want {
			out.add(n, at, name, "is not the only allowed value")
		}
	}
}

// number returns the value of a keyword that is a number.
func (s *site) number(name string, value *document.Node) *big.Rat {
	if r, ok := value.Number(); ok && !value.Untyped {
		return r
	}
	s.wrong(name, value, "a number")
	return nil
}

const tooLarge = "is a number too large to compare"

// A builder compiles a keyword.
type builder = func(s *site, name string, value *document.Node) keyword

func above(s *site, name string, value *document.Node) keyword {
	return numeric("not more than the exclusive minimum", func(c int) bool { return c > 0 })(s, name, value)
}

func below(s *site, name string, value *document.Node) keyword {
	return numeric("not less than the exclusive maximum", func(c int) bool { return c < 0 })(s, name, value)
}

// limit is minimum or maximum. In draft 4, true beside it makes it exclusive.
func limit(beside string, inclusive, exclusive builder) builder {
	return func(s *site, name string, value *document.Node) keyword {
		if n := s.schema.Member(beside); s.resource.draft == Draft4 && n != nil && n.Kind == document.Bool && isTrue(n) {
			return exclusive(s, beside, value)
		}
		return inclusive(s, name, value)
	}
}

// exclusive is exclusiveMinimum or exclusiveMaximum: a number. In draft 4 it is a part of another keyword.
func exclusive(number builder) builder {
	return func(s *site, name string, value *document.Node) keyword {
		if s.resource.draft == Draft4 && value.Kind == document.Bool {
			return nil
		}
		return number(s, name, value)
	}
}

// numeric compares a number with a limit.
func numeric(message string, holds func(comparison int) bool) builder {
	return func(s *site, name string, value *document.Node) keyword {
		limit := s.number(name, value)
		if limit == nil {
			return nil
		}
		return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
			if !hasType(n, "number") {
				return
			}
			e.spend(len(n.Text))
			r, ok := n.Number()
			switch {
			case !ok:
				out.add(n, at, name, tooLarge)
			case !holds(r.Cmp(limit)):
				out.add(n, at, name, "is "+message+" "+shownNumber(value))
			}
		}
	}
}

// shownNumber returns a number of the schema, unless it is long.
func shownNumber(n *document.Node) string {
	if len(n.Text) > 20 {
		return "of the schema"
	}
	return n.Text
}

func multipleOf(s *site, name string, value *document.Node) keyword {
	unit := s.number(name, value)
	if unit == nil {
		return nil
	}
	if unit.Sign() <= 0 {
		return s.wrong(name, value, "a number above 0")
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if !hasType(n, "number") {
			return
		}
		e.spend(len(n.Text))
		r, ok := n.Number()
		switch {
		case !ok:
			out.add(n, at, name, tooLarge)
		case !new(big.Rat).Quo(r, unit).IsInt():
			out.add(n, at, name, "is not a multiple of "+shownNumber(value))
		}
	}
}

const wantCount = "an integer, 0 or more"

// countOf returns the value of a count.
func countOf(value *document.Node) (int, bool) {
	r, ok := value.Number()
	if !ok || value.Untyped || !r.IsInt() || r.Sign() < 0 {
		return 0, false
	}
	if !r.Num().IsInt64() {
		return 1<<62 - 1, true
	}
	return int(min(r.Num().Int64(), 1<<62-1)), true
}

func atLeast(n, limit int) bool { return n >= limit }
func atMost(n, limit int) bool  { return n <= limit }

// length compares the length of strings, lists or mappings with a limit.
func length(kind document.Kind, message, unit string, holds func(n, limit int) bool) builder {
	return func(s *site, name string, value *document.Node) keyword {
		limit, ok := countOf(value)
		if !ok {
			return s.wrong(name, value, wantCount)
		}
		return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
			if n.Kind == kind && !holds(e.lengthOf(n), limit) {
				out.add(n, at, name, fmt.Sprintf("has %s %d %s", message, limit, unit))
			}
		}
	}
}
