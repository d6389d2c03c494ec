// Package option reads YAML mappings of which every key is known: a literal table
// of keys decodes them, strictly, and is their JSON Schema.
//
// All mistakes are told at once, each with line and column. They quote nothing of
// the file but words that can be no secret.
package option

import (
	"go.yaml.in/yaml/v4"
)

// A Table is the keys of a mapping that becomes a T.
type Table[T any] struct {
	Keys []Key[T]
	// Check says what the keys of one mapping lack together, when each of them is
	// right; nil if there is nothing to say. Has tells which are there.
	Check func(t *T, has func(name string) bool) error
	// Schema is added to the JSON Schema of the mapping: what Check asks for.
	Schema map[string]any
	// Short is the key that is meant where there is its value in place of a mapping;
	// "" for none.
	Short string
	// At is told where the mapping is, before its keys are read; nil: nobody.
	At func(t *T, line, column int)
}

// A Key is a key of a mapping.
type Key[T any] struct {
	Name  string
	Kind  Kind
	Usage string // one line for the schema and for people

	// Set takes the value over, or says what is wrong with it, without it. Of a list
	// or a mapping it gets the values one by one.
	Set func(t *T, v Value) error

	Choices  []string // the only values, if there are any
	Required bool

	nested *nested[T] // of Mapping, List and Map
}

// A Value is a scalar, as its Kind wants it.
type Value struct {
	Text   string
	Number int64  // of a Number
	Yes    bool   // of a Bool
	Name   string // the key that it has in a mapping of the kind TextMap
	Listed bool   // it is one of a list

	Line, Column int // where it is, from 1
}

// A Kind is what a value has to be.
type Kind int

// The kinds of values.
const (
	Text        Kind = iota
	Digits           // a text that YAML may take for a number: permission bits, a digest
	Number           // an integer
	Decimal          // a number that is its Text
	Bool             // true or false
	Texts            // a list of texts
	TextOrTexts      // a list of texts, or one of them
	TextMap          // a mapping with any keys, of texts
	object           // a mapping with known keys, or several: Mapping, List, Map
)

// nested is a key whose value is made of mappings with known keys.
type nested[T any] struct {
	read   func(r *reader, t *T, n *yaml.Node)
	schema func() map[string]any
}

// Mapping is a key whose value is a mapping with keys of its own. At makes its
// place.
func Mapping[T, U any](name, usage string, table Table[U], at func(*T) *U) Key[T] {
	return Key[T]{Name: name, Kind: object, Usage: usage, nested: &nested[T]{
		read:   func(r *reader, t *T, n *yaml.Node) { readMapping(r, n, table, at(t)) },
		schema: table.schema,
	}}
}

// List is a key whose value is a list of mappings. Set adds one of them.
func List[T, U any](name, usage string, table Table[U], set func(*T, U)) Key[T] {
	return Key[T]{Name: name, Kind: object, Usage: usage, nested: &nested[T]{
		read: func(r *reader, t *T, n *yaml.Node) {
			for _, u := range readList(r, n, table) {
				set(t, u)
			}
		},
		schema: func() map[string]any { return map[string]any{"type": "array", "items": table.schema()} },
	}}
}

// Map is a key whose value is a mapping with any keys, of mappings with known
// ones. Set adds one of them, or says what is wrong with its key.
func Map[T, U any](name, usage string, table Table[U], set func(t *T, key string, u U) error) Key[T] {
	return Key[T]{Name: name, Kind: object, Usage: usage, nested: &nested[T]{
		read: func(r *reader, t *T, n *yaml.Node) {
			r.pairs(n, func(key, value *yaml.Node) {
				var u U
				readMapping(r, value, table, &u)
				if err := set(t, key.Value, u); err != nil {
					r.fail(key, "%w", err)
				}
			})
		},
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": table.schema()}
		},
	}}
}

// Within makes the keys of a part of T keys of T. None of them is required.
func Within[T, U any](all []Key[U], at func(*T) *U) []Key[T] {
	var within []Key[T]
	for _, k := range all {
		lifted := Key[T]{Name: k.Name, Kind: k.Kind, Usage: k.Usage, Choices: k.Choices}
		if k.nested != nil {
			lifted.nested = &nested[T]{
				read:   func(r *reader, t *T, n *yaml.Node) { k.nested.read(r, at(t), n) },
				schema: k.nested.schema,
			}
		} else {
			lifted.Set = func(t *T, v Value) error { return k.Set(at(t), v) }
		}
		within = append(within, lifted)
	}
	return within
}
