package assert

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// The bounds of an assertion.
const (
	maxLength = 4096
	maxDepth  = 100
)

// Parse reads an assertion. Its error is a [*diag.Error] with the column.
func Parse(source string) (*Assertion, error) {
	if len(source) > maxLength {
		return nil, syntaxError(source, 0, "the assertion is too long")
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{source: source, tokens: tokens}
	root, err := p.junction(true, 0)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != end {
		return nil, p.fail("want and, or, or the end")
	}
	return &Assertion{text: masked(source, tokens), root: root}, nil
}

// masked returns the source without its strings.
func masked(source string, tokens []token) string {
	var b strings.Builder
	last := 0
	for _, t := range tokens {
		if t.kind == text {
			_, size := quoted(source[t.offset:])
			b.WriteString(source[last:t.offset] + `"…"`)
			last = t.offset + size
		}
	}
	return b.String() + source[last:]
}

type parser struct {
	source string
	tokens []token
}

func (p *parser) peek() token { return p.tokens[0] }

// next returns the next token and moves past it, except at the end.
func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept moves past a keyword or symbol if it is next.
func (p *parser) accept(value string) bool {
	ok := p.peek().is(value)
	if ok {
		p.next()
	}
	return ok
}

func (p *parser) fail(message string) error { return syntaxError(p.source, p.peek().offset, message) }

// junction reads terms that are joined by or, or by and.
func (p *parser) junction(or bool, depth int) (term, error) {
	if depth > maxDepth {
		return nil, p.fail("too many parentheses")
	}
	joiner, part := "and", p.term
	if or {
		joiner = "or"
		part = func(depth int) (term, error) { return p.junction(false, depth) }
	}
	j := junction{or: or}
	for {
		t, err := part(depth)
		if err != nil {
			return nil, err
		}
		j.terms = append(j.terms, t)
		if !p.accept(joiner) {
			return j, nil
		}
	}
}

func (p *parser) term(depth int) (term, error) {
	switch {
	case depth > maxDepth:
		return nil, p.fail("too many parentheses")
	case p.accept("not"):
		t, err := p.term(depth + 1)
		return negation{t}, err
	case p.accept("("):
		t, err := p.junction(true, depth+1)
		if err == nil && !p.accept(")") {
			err = p.fail("want )")
		}
		return t, err
	case p.peek().is("path") && len(p.tokens) > 1 && p.tokens[1].is("("):
		return p.existence()
	}
	return p.comparison()
}

// existence reads path(KEY) exists.
func (p *parser) existence() (term, error) {
	p.next()
	key, err := p.argument()
	if err != nil {
		return nil, err
	}
	if !p.accept("exists") {
		return nil, p.fail("want exists")
	}
	return existence{key}, nil
}

// argument reads a path in parentheses.
func (p *parser) argument() (document.Path, error) {
	p.next()
	key, err := p.path()
	if err == nil && !p.accept(")") {
		err = p.fail("want )")
	}
	return key, err
}

// path reads a path that is no keyword.
func (p *parser) path() (document.Path, error) {
	t := p.peek()
	if t.kind != word || slices.Contains([]string{"and", "or", "not", "in", "matches", "exists"}, t.value) {
		return document.Path{}, p.fail("want a key, such as server.port")
	}
	path, err := document.ParsePath(t.value)
	if e, ok := errors.AsType[*diag.Error](err); ok {
		e.Column += utf8.RuneCountInString(p.source[:t.offset]) // from the start of the assertion
		return path, e
	}
	p.next()
	return path, err
}

func (p *parser) comparison() (term, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	switch {
	case p.accept("in"):
		return p.membership(left)
	case p.accept("matches"):
		return p.match(left)
	case t.kind == symbol && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.value):
		p.next()
		right, err := p.operand()
		return comparison{left, right, t.value}, err
	}
	return nil, p.fail("want ==, !=, <, <=, >, >=, in or matches")
}

// operand reads a key, len(KEY) or a literal.
func (p *parser) operand() (operand, error) {
	if p.peek().is("len") && len(p.tokens) > 1 && p.tokens[1].is("(") {
		p.next()
		key, err := p.argument()
		return operand{key: &key, length: true}, err
	}
	if n := literal(p.peek()); n != nil {
		p.next()
		return operand{literal: n}, nil
	}
	key, err := p.path()
	return operand{key: &key}, err
}

// literal returns the value of a literal, or nil if the token is none.
func literal(t token) *document.Node {
	switch {
	case t.kind == text:
		return &document.Node{Kind: document.String, Text: t.value}
	case t.kind == number && strings.Contains(t.value, "."):
		return &document.Node{Kind: document.Float, Text: t.value}
	case t.kind == number:
		return &document.Node{Kind: document.Int, Text: t.value}
	case t.is("true") || t.is("false"):
		return &document.Node{Kind: document.Bool, Text: t.value}
	case t.is("null"):
		return &document.Node{Kind: document.Null, Text: t.value}
	}
	return nil
}

// membership reads what follows "in": a range or a list.
func (p *parser) membership(left operand) (term, error) {
	if p.accept("[") {
		m := membership{left: left}
		for {
			n := literal(p.peek())
			if n == nil {
				return nil, p.fail("want a number, a string, true, false or null")
			}
			p.next()
			m.list = append(m.list, n)
			switch {
			case p.accept("]"):
				return m, nil
			case !p.accept(","):
				return nil, p.fail("want , or ]")
			}
		}
	}
	low, err := p.number()
	if err != nil {
		return nil, err
	}
	if !p.accept("..") {
		return nil, p.fail("want .. and the upper end of the range")
	}
	high, err := p.number()
	return junction{terms: []term{
		comparison{left, operand{literal: low}, ">="},
		comparison{left, operand{literal: high}, "<="},
	}}, err
}

func (p *parser) number() (*document.Node, error) {
	if p.peek().kind != number {
		return nil, p.fail("want a number, or a list in brackets")
	}
	return literal(p.next()), nil
}

func (p *parser) match(left operand) (term, error) {
	t := p.peek()
	if t.kind != text {
		return nil, p.fail("want a regular expression in double quotes")
	}
	re, err := regexp.Compile(t.value)
	if err != nil {
		return nil, p.fail("not a regular expression")
	}
	p.next()
	return match{left, re}, nil
}
