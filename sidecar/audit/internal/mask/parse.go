package mask

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a document may be.
const maxDepth = 256

var (
	errDeep   = errors.New("too deep")
	errSyntax = errors.New("no JSON")
	errCut    = errors.New("cut")
)

// A parser reads JSON. It reads what encoding/json reads, and refuses the same; it is much faster, since the strings of a
// document without escapes are parts of it.
type parser struct {
	text  string
	at    int
	spare []node // for the next values
	group int    // how many were made at once
}

// parse reads documents that follow each other. If the last one is cut or wrong, it returns what there is of it, and an
// error.
func parse(text []byte) ([]*node, error) {
	p := parser{text: string(text)}
	var all []*node
	for p.space(); p.at < len(p.text); p.space() {
		n := p.node()
		err := p.value(n, 0)
		if n.kind != 0 || n.text != "" {
			all = append(all, n)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// node returns an empty value. They are made in groups, each of twice as many.
func (p *parser) node() *node {
	const few, many = 8, 64
	if len(p.spare) == 0 {
		p.group = min(many, max(few, 2*p.group))
		p.spare = make([]node, p.group)
	}
	n := &p.spare[0]
	p.spare = p.spare[1:]
	return n
}

// space skips white space.
func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// next skips white space and returns the next byte, zero at the end.
func (p *parser) next() byte {
	if p.space(); p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// fail returns the error for a byte that cannot stand where it is.
func (p *parser) fail() error {
	if p.at >= len(p.text) {
		return errCut
	}
	return errSyntax
}

// value reads a value. If it is an object or a list that is cut, n has what there is of it.
func (p *parser) value(n *node, depth int) error {
	switch c := p.next(); {
	case c == '{' || c == '[':
		n.kind = c
		p.at++
		return p.members(n, depth+1)
	case c == '"':
		s, err := p.string()
		if err == nil {
			n.kind, n.text = '"', s
		}
		return err
	case c == '-' || isDigit(c):
		return p.number(n)
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.text[p.at:], word) {
			n.text = word
			p.at += len(word)
			return nil
		}
	}
	return p.fail()
}

// members reads what is in an object or a list.
func (p *parser) members(n *node, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	end := n.kind + 2 // the brackets of ASCII
	if p.next() == end {
		p.at++
		return nil
	}
	for {
		if err := p.member(n, depth); err != nil {
			return err
		}
		switch p.next() {
		case end:
			p.at++
			return nil
		case ',':
			p.at++
		default:
			return p.fail()
		}
	}
}

func (p *parser) member(n *node, depth int) error {
	name := ""
	if n.kind == '{' {
		if p.next() != '"' {
			return p.fail()
		}
		var err error
		if name, err = p.string(); err != nil {
			return err
		}
		if p.next() != ':' {
			return p.fail()
		}
		p.at++
	}
	member := p.node()
	err := p.value(member, depth)
	if err == nil || member.kind != 0 {
		n.add(name, member)
	}
	return err
}

// string reads a string.
func (p *parser) string() (string, error) {
	escaped := false
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			quoted := p.text[p.at : i+1]
			p.at = i + 1
			if !escaped && utf8.ValidString(quoted) {
				return quoted[1 : len(quoted)-1], nil
			}
			var s string
			if json.Unmarshal([]byte(quoted), &s) != nil {
				return "", errSyntax
			}
			return s, nil
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return "", errSyntax
		}
	}
	return "", errCut
}

// number reads a number.
func (p *parser) number(n *node) error {
	i := p.at
	digits := func() bool {
		begin := i
		for i < len(p.text) && isDigit(p.text[i]) {
			i++
		}
		return i > begin
	}
	has := func(bytes string) bool {
		if i < len(p.text) && strings.IndexByte(bytes, p.text[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	has("-")
	ok := has("0") || digits()
	if ok && has(".") {
		ok = digits()
	}
	if ok && has("eE") {
		has("+-")
		ok = digits()
	}
	text := p.text[p.at:i]
	p.at = i
	if !ok {
		return p.fail()
	}
	n.text = text
	return nil
}
