package option

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
)

// ErrSyntax is what the error of [Parse] wraps if a file is not YAML at all.
var ErrSyntax = errors.New("not YAML")

// Parse reads a file of one YAML document. The node is nil if the file is empty.
func Parse(b []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(err)
	}
	err = decoder.Decode(&second)
	switch {
	case err == nil:
		return nil, diag.At(position(&second), errors.New("a second document: want one"))
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(err)
	}
	if len(document.Content) != 1 {
		return nil, nil //nolint:nilnil // an empty file is not an error
	}
	return document.Content[0], nil
}

// syntaxError keeps only the line of a syntax error: its text quotes the file.
func syntaxError(err error) error {
	_, line, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return fmt.Errorf("%w: syntax error", ErrSyntax)
	}
	return fmt.Errorf("%w: syntax error in line %s", ErrSyntax, line[:len(line)-len(strings.TrimLeft(line, "0123456789"))])
}

// A reader collects the errors of a file.
type reader struct{ problems []*diag.Error }

// fail adds an error at a node; each of them if err joins several.
func (r *reader) fail(at *yaml.Node, err error) {
	for _, err := range diag.Flatten(err) {
		r.problems = append(r.problems, diag.At(position(at), err))
	}
}

func (r *reader) failf(at *yaml.Node, format string, args ...any) {
	r.fail(at, fmt.Errorf(format, args...))
}

// inOrder returns the problems in the order of the file.
func (r *reader) inOrder() []*diag.Error {
	slices.SortStableFunc(r.problems, func(a, b *diag.Error) int { return a.Position.Compare(b.Position) })
	return r.problems
}

func position(n *yaml.Node) diag.Position { return diag.Position{Line: n.Line, Column: n.Column} }

// target returns what an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// items returns the items of a list.
func (r *reader) items(n *yaml.Node) []*yaml.Node {
	if n = target(n); n.Kind != yaml.SequenceNode {
		r.failf(n, "want a list")
		return nil
	}
	return n.Content
}

// pairs calls f for each pair of a mapping, then for those that "<<" merges into it. A duplicate key is an error.
func (r *reader) pairs(n *yaml.Node, f func(key, value *yaml.Node)) {
	if n = target(n); n.Kind != yaml.MappingNode {
		r.failf(n, "want a mapping")
		return
	}
	m := merger{reader: r, known: map[string]bool{}, seen: map[*yaml.Node]bool{}}
	m.add(n, f)
}

// own calls f for each pair that is written in a mapping itself, and returns the values of its "<<".
func (r *reader) own(n *yaml.Node, f func(key, value *yaml.Node)) (merges []*yaml.Node) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.failf(n.Content[i], "want a string as key")
			continue
		}
		if before := first[key.Value]; before != nil {
			r.failf(n.Content[i], "duplicate key%s, first defined at %s", quoted(key.Value), position(before))
		} else {
			first[key.Value] = n.Content[i]
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		f(key, value)
	}
	return merges
}

// A merger follows the merge keys of a mapping. The first definition of a key counts: that of the mapping itself, then
// those of what it merges, in order.
type merger struct {
	*reader

	known map[string]bool
	seen  map[*yaml.Node]bool // a mapping that merges itself is read once
}

func (m *merger) add(n *yaml.Node, f func(key, value *yaml.Node)) {
	if m.seen[n] {
		return
	}
	m.seen[n] = true
	defined := maps.Clone(m.known)
	merges := m.own(n, func(key, value *yaml.Node) {
		m.known[key.Value] = true
		if !defined[key.Value] {
			f(key, value)
		}
	})
	for _, value := range merges {
		m.merge(value, f)
	}
}

// merge adds the pairs of the value of a merge key: a mapping, or a list of mappings.
func (m *merger) merge(value *yaml.Node, f func(key, value *yaml.Node)) {
	sources := []*yaml.Node{value}
	if list := target(value); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, source := range sources {
		if n := target(source); n.Kind == yaml.MappingNode {
			m.add(n, f)
		} else {
			m.failf(source, "<<: want a mapping or a list of mappings, usually as aliases such as *common")
		}
	}
}
