package option

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// ErrSyntax is what the error of [Parse] wraps if a file is not YAML at all.
var ErrSyntax = errors.New("not YAML")

// Parse reads a file of one YAML document. The node is nil if there is nothing in
// it.
func Parse(b []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(err)
	}
	switch err := decoder.Decode(&second); {
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

// syntaxError keeps of a syntax error where it is: its text quotes the file.
func syntaxError(err error) error {
	_, line, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return fmt.Errorf("%w: syntax error", ErrSyntax)
	}
	return fmt.Errorf("%w: syntax error in line %s", ErrSyntax, line[:len(line)-len(strings.TrimLeft(line, "0123456789"))])
}

// ReadList decodes a list of mappings.
func ReadList[T any](n *yaml.Node, table Table[T]) ([]T, []*diag.Error) {
	r := &reader{}
	all := readList(r, n, table)
	return all, r.mistakes
}

// ReadMapping decodes a mapping.
func ReadMapping[T any](n *yaml.Node, table Table[T]) (T, []*diag.Error) {
	var t T
	r := &reader{}
	readMapping(r, n, table, &t)
	return t, r.mistakes
}

type reader struct{ mistakes []*diag.Error }

func (r *reader) fail(at *yaml.Node, format string, args ...any) {
	r.mistakes = append(r.mistakes, diag.At(position(at), fmt.Errorf(format, args...)))
}

func position(n *yaml.Node) diag.Position { return diag.Position{Line: n.Line, Column: n.Column} }

// readList reads what of the list is right.
func readList[T any](r *reader, n *yaml.Node, table Table[T]) []T {
	var all []T
	for _, item := range r.items(n) {
		var t T
		if readMapping(r, item, table, &t) {
			all = append(all, t)
		}
	}
	return all
}

// readMapping reads a mapping into t, and reports whether all of it is right.
func readMapping[T any](r *reader, n *yaml.Node, table Table[T], t *T) bool {
	before := len(r.mistakes)
	n = target(n)
	if table.At != nil {
		table.At(t, n.Line, n.Column)
	}
	seen := map[string]bool{}
	switch {
	case n.Kind == yaml.MappingNode:
		r.pairs(n, func(key, value *yaml.Node) {
			seen[key.Value] = true
			k := table.key(key.Value)
			if k == nil {
				r.fail(key, "unknown key%s%s", redact.Quoted(strings.ToLower(key.Value)), suggest.DidYouMean(key.Value, table.names()))
				return
			}
			k.read(r, t, value)
		})
	case table.Short != "" && n.ShortTag() != "!!null":
		seen[table.Short] = true
		table.key(table.Short).read(r, t, n)
	default:
		r.fail(n, "want a mapping with keys such as %s", table.examples())
	}
	if len(r.mistakes) > before {
		return false
	}
	for _, k := range table.Keys {
		if k.Required && !seen[k.Name] {
			r.fail(n, "no %s", k.Name)
		}
	}
	if table.Check != nil && len(r.mistakes) == before {
		for _, err := range diag.Flatten(table.Check(t, func(name string) bool { return seen[name] })) {
			r.fail(n, "%w", err)
		}
	}
	return len(r.mistakes) == before
}

// key returns the key with a name, nil if there is none.
func (t Table[T]) key(name string) *Key[T] {
	for i := range t.Keys {
		if t.Keys[i].Name == name {
			return &t.Keys[i]
		}
	}
	return nil
}

// pairs calls f for each pair of a mapping. A key that is there twice is a
// mistake.
func (r *reader) pairs(n *yaml.Node, f func(key, value *yaml.Node)) {
	if n = target(n); n.Kind != yaml.MappingNode {
		r.fail(n, "want a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(n.Content[i], "want a text as key")
			continue
		case seen[key.Value]:
			r.fail(n.Content[i], "key%s is there twice", redact.Quoted(strings.ToLower(key.Value)))
		}
		seen[key.Value] = true
		f(key, value)
	}
}

func (r *reader) items(n *yaml.Node) []*yaml.Node {
	if n = target(n); n.Kind != yaml.SequenceNode {
		r.fail(n, "want a list")
		return nil
	}
	return n.Content
}

// target returns what an alias stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (k *Key[T]) read(r *reader, t *T, n *yaml.Node) {
	set := func(n *yaml.Node, name string, listed bool) {
		v, err := k.value(target(n))
		if err == nil {
			v.Name, v.Listed, v.Line, v.Column = name, listed, n.Line, n.Column
			err = k.Set(t, v)
		}
		for _, err := range diag.Flatten(err) {
			r.fail(n, "%s: %w", k.Name, err)
		}
	}
	switch k.Kind {
	case object:
		k.nested.read(r, t, n)
	case Texts, TextOrTexts:
		if k.Kind == TextOrTexts && target(n).Kind == yaml.ScalarNode {
			set(n, "", false)
			return
		}
		k.eachItem(r, n, func(item *yaml.Node) { set(item, "", true) })
	case TextMap:
		k.eachPair(r, n, func(key, value *yaml.Node) { set(value, key.Value, false) })
	default:
		set(n, "", false)
	}
}

func (k *Key[T]) eachItem(r *reader, n *yaml.Node, f func(item *yaml.Node)) {
	if target(n).Kind != yaml.SequenceNode {
		r.fail(n, "%s: want %s", k.Name, k.Kind.noun())
		return
	}
	for _, item := range target(n).Content {
		f(item)
	}
}

func (k *Key[T]) eachPair(r *reader, n *yaml.Node, f func(key, value *yaml.Node)) {
	if target(n).Kind != yaml.MappingNode {
		r.fail(n, "%s: want %s", k.Name, k.Kind.noun())
		return
	}
	r.pairs(n, f)
}

// value reads a scalar.
func (k *Key[T]) value(n *yaml.Node) (v Value, err error) {
	v.Text = n.Value
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "" || n.ShortTag() == "!!null":
		return v, fmt.Errorf("want %s", k.Kind.noun())
	case len(k.Choices) > 0 && !slices.Contains(k.Choices, n.Value):
		return v, fmt.Errorf("want %s%s", oneOf(k.Choices), suggest.DidYouMean(n.Value, k.Choices))
	case k.Kind == Bool && n.Value != "true" && n.Value != "false":
		return v, fmt.Errorf("want %s", k.Kind.noun())
	case k.Kind == Number:
		if v.Number, err = strconv.ParseInt(n.Value, 10, 64); err != nil {
			return v, fmt.Errorf("want %s", k.Kind.noun())
		}
	}
	v.Yes = n.Value == "true"
	return v, nil
}

// noun says what is wanted.
func (k Kind) noun() string {
	switch k {
	case Number:
		return "an integer"
	case Bool:
		return "true or false"
	case Decimal:
		return "a number"
	case Texts:
		return "a list of texts"
	case TextOrTexts:
		return "a text or a list of texts"
	case TextMap:
		return "a mapping of texts"
	default:
		return "a text"
	}
}

// oneOf writes "a, b or c".
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
