package assert

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// An operand is a value of the document, its length, or a literal.
type operand struct {
	key     *document.Path
	length  bool
	literal *document.Node
}

// value returns the value of the operand, and the value of the document that it comes from. The result holds if there
// is a value.
func (o operand) value(s *evaluation) (value, from *document.Node, r Result) {
	if o.literal != nil {
		return o.literal, nil, Result{Holds: true}
	}
	place := o.key.Find(s.root)
	switch {
	case place.Value == nil:
		return nil, nil, Result{Missing: &place}
	case !o.length:
		return place.Value, place.Value, Result{Holds: true}
	}
	n := place.Value
	size := len(n.Items) + len(n.Members)
	switch n.Kind {
	case document.String:
		size = utf8.RuneCountInString(n.Text)
	case document.Sequence, document.Mapping:
	default:
		return nil, nil, Result{Value: n, Reason: o.key.String() + " has no length: it is not a list, mapping or string"}
	}
	return &document.Node{Kind: document.Int, Text: strconv.Itoa(size)}, n, Result{Holds: true}
}

// name returns the operand for a message.
func (o operand) name() string {
	if o.key == nil {
		return "the value"
	}
	return o.key.String()
}

// A comparison compares two operands.
type comparison struct {
	left, right operand
	operator    string
}

func (c comparison) eval(s *evaluation) Result {
	left, at, r := c.left.value(s)
	if !r.Holds {
		return r
	}
	right, other, r := c.right.value(s)
	if !r.Holds {
		return r
	}
	if at == nil {
		at = other
	}
	if c.operator == "==" || c.operator == "!=" {
		return result(equal(left, right) == (c.operator == "=="), at)
	}
	a, ok := left.Number()
	if !ok {
		return Result{Value: at, Reason: c.left.name() + " is not a number"}
	}
	b, ok := right.Number()
	if !ok {
		return Result{Value: cmp.Or(other, at), Reason: c.right.name() + " is not a number"}
	}
	return result(holds(a.Cmp(b), c.operator), at)
}

func result(holds bool, at *document.Node) Result { return Result{Holds: holds, Value: at} }

func holds(comparison int, operator string) bool {
	switch operator {
	case "<":
		return comparison < 0
	case "<=":
		return comparison <= 0
	case ">":
		return comparison > 0
	default:
		return comparison >= 0
	}
}

// equal compares scalars. Numbers are equal by value. A string of a dotenv file is compared as the type of the other
// side.
func equal(a, b *document.Node) bool {
	x, xok := a.Number()
	y, yok := b.Number()
	switch {
	case xok && yok:
		return x.Cmp(y) == 0
	case a.Kind == b.Kind || a.Untyped && a.TypedKind() == b.Kind || b.Untyped && b.TypedKind() == a.Kind:
	default:
		return false
	}
	switch b.Kind {
	case document.Null:
		return true
	case document.Bool:
		return strings.EqualFold(a.Text, b.Text)
	case document.Sequence, document.Mapping:
		return a == b
	default:
		return a.Text == b.Text
	}
}

// A membership checks whether a value is in a list.
type membership struct {
	left operand
	list []*document.Node
}

func (m membership) eval(s *evaluation) Result {
	left, at, r := m.left.value(s)
	if !r.Holds {
		return r
	}
	return result(slices.ContainsFunc(m.list, func(n *document.Node) bool { return equal(left, n) }), at)
}

// A match checks whether a string matches a regular expression.
type match struct {
	left    operand
	pattern *regexp.Regexp
}

func (m match) eval(s *evaluation) Result {
	left, at, r := m.left.value(s)
	switch {
	case !r.Holds:
		return r
	case left.Kind == document.Sequence || left.Kind == document.Mapping || left.Kind == document.Null:
		return Result{Value: at, Reason: m.left.name() + " is not a string"}
	}
	return result(m.pattern.MatchString(left.Text), at)
}

// An existence checks whether the file that a value names exists.
type existence struct{ key document.Path }

func (e existence) eval(s *evaluation) Result {
	value, at, r := operand{key: &e.key}.value(s)
	switch {
	case !r.Holds:
		return r
	case value.Kind != document.String || value.Text == "":
		return Result{Value: at, Reason: e.key.String() + " is not a path"}
	case !s.exists(value.Text):
		return Result{Value: at, Reason: "the file that " + e.key.String() + " names does not exist"}
	}
	return result(true, at)
}
