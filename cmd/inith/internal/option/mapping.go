package option

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
)

// ReadList decodes a list of mappings.
func ReadList[T any](n *yaml.Node, t Table[*T]) ([]T, []*diag.Error) {
	var all []T
	r := &reader{}
	t.untyped().readList(r, n, func(item any) { all = append(all, *pointer[*T](item)) })
	return all, r.inOrder()
}

// ReadMapping decodes a mapping.
func ReadMapping[T any](n *yaml.Node, t Table[*T]) (T, []*diag.Error) {
	var into T
	r := &reader{}
	t.untyped().readMapping(r, n, &into)
	return into, r.inOrder()
}

// readList calls add with each entry of a list: those without errors, or all if the table wants them.
func (t *table) readList(r *reader, n *yaml.Node, add func(item any)) {
	for _, node := range r.items(n) {
		item := t.scratch()
		if t.readMapping(r, node, item) || t.faulty {
			add(item)
		}
	}
}

// extension begins the keys that are the user's own, as in a compose file: a place for anchors.
const extension = "x-"

// A pair is a known key of a mapping, and its value.
type pair struct {
	option *row
	value  *yaml.Node
}

// readMapping reads a mapping, and reports whether it has no errors.
func (t *table) readMapping(r *reader, n *yaml.Node, into any) bool {
	before := len(r.problems)
	n = target(n)
	if t.at != nil {
		t.at(into, position(n))
	}
	t.setDefaults(into)
	g := t.newGiven(true)
	pairs := t.match(r, n, g)
	variables := t.overrides(r, n, g)
	err := t.resolve(g)
	for _, p := range pairs {
		where := into
		if g.Origin(p.option.id()) != FromFile { // something overrides it: only check it
			where = t.scratch()
		}
		p.option.read(r, where, p.value)
	}
	t.setVariables(r, n, into, variables, g)
	r.fail(n, err)
	if len(r.problems) == before {
		r.fail(n, t.complete(into, g))
	}
	return len(r.problems) == before
}

// match returns the pairs of a mapping whose keys are known.
func (t *table) match(r *reader, n *yaml.Node, g Given) []pair {
	if n.Kind != yaml.MappingNode {
		if t.short == "" || n.ShortTag() == "!!null" {
			r.failf(n, "want a mapping with keys such as %s", t.examples())
			return nil
		}
		o := t.withKey(t.short)
		g.origins[o.id()] = FromFile
		return []pair{{o, n}}
	}
	var pairs []pair
	r.pairs(n, func(key, value *yaml.Node) {
		o := t.withKey(key.Value)
		switch {
		case o == nil && strings.HasPrefix(key.Value, extension):
			return
		case o == nil:
			r.fail(key, t.unknown(key.Value))
			return
		case g.origins[o.id()] == FromFile && g.names[o.id()] != key.Value:
			r.failf(key, "%s is the old name of %s: give only one of them", o.oldKeys()[0], o.key())
		}
		g.origins[o.id()], g.names[o.id()] = FromFile, key.Value
		if key.Value != o.key() {
			g.renamed[key.Value] = o.key()
		}
		pairs = append(pairs, pair{o, value})
	})
	return pairs
}

// unknown says that no option has a key.
func (t *table) unknown(key string) error {
	text := "unknown key" + quoted(key)
	if hint := t.foreign[key]; hint != "" {
		return &usererr.Error{Text: text, Hint: hint}
	}
	return errors.New(text + suggest.DidYouMean(key, t.keys()))
}

// overrides returns the values of the options that a variable sets.
func (t *table) overrides(r *reader, n *yaml.Node, g Given) map[string]setting {
	found := map[string]setting{}
	for _, o := range t.options {
		if o.Flag == "" || o.key() == "" || o.entry {
			continue
		}
		s, err := o.inEnvironment(t.environment)
		r.fail(n, err)
		if s.origin > FromDefault {
			found[o.id()], g.origins[o.id()], g.names[o.id()] = s, s.origin, s.name
			g.note(s)
		}
	}
	return found
}

func (t *table) setVariables(r *reader, n *yaml.Node, into any, variables map[string]setting, g Given) {
	for _, o := range t.options {
		if s, ok := variables[o.id()]; ok && g.Origin(o.id()) == FromVariable {
			r.fail(n, o.setAll(into, s.values, s.name))
		}
	}
}

// complete reports what is missing, and what Check finds.
func (t *table) complete(into any, g Given) error {
	for _, o := range t.options {
		if o.Required && !g.Has(o.id()) {
			return fmt.Errorf("no %s", o.key())
		}
	}
	if t.check == nil {
		return nil
	}
	return t.check(into, g)
}

// examples are the first keys, for a message.
func (t *table) examples() string {
	names := t.keys()
	return strings.Join(names[:min(2, len(names))], " and ")
}

// read reads the value of a key into t.
func (o *row) read(r *reader, into any, n *yaml.Node) {
	n = target(n)
	switch o.Kind {
	case object:
		o.nested.read(r, into, n)
	case Strings, StringOrStrings:
		if o.Kind == StringOrStrings && n.Kind == yaml.ScalarNode {
			o.readScalar(r, into, n, Value{})
			return
		}
		if n.Kind != yaml.SequenceNode {
			r.failf(n, "%s: %w", o.key(), o.Kind.wanted())
			return
		}
		for _, item := range n.Content {
			o.readScalar(r, into, item, Value{Listed: true})
		}
	case StringMap:
		if n.Kind != yaml.MappingNode {
			r.failf(n, "%s: %w", o.key(), o.Kind.wanted())
			return
		}
		r.pairs(n, func(key, value *yaml.Node) { o.readScalar(r, into, value, Value{Name: key.Value}) })
	default:
		o.readScalar(r, into, n, Value{})
	}
}

// readScalar sets one value. In says where it stands.
func (o *row) readScalar(r *reader, into any, n *yaml.Node, in Value) {
	v, err := o.scalar(target(n))
	if err == nil {
		v.Name, v.Listed, v.Position = in.Name, in.Listed, position(n)
		err = o.set(into, v)
	}
	for _, err := range diag.Flatten(err) {
		r.failf(n, "%s: %w", o.key(), err)
	}
}

// scalar decodes a scalar, more strictly than a flag: only true and false are of kind Bool.
func (o *row) scalar(n *yaml.Node) (Value, error) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "" || n.ShortTag() == "!!null":
		return Value{}, o.Kind.item().wanted()
	case o.Kind == Bool && n.Value != "true" && n.Value != "false":
		return Value{}, o.Kind.wanted()
	}
	return o.parse(n.Value)
}

// item returns the kind of what is in a list or a mapping.
func (k Kind) item() Kind {
	switch k {
	case Strings, StringOrStrings, StringMap:
		return String
	default:
		return k
	}
}
