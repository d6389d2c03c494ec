package option

import "go.yaml.in/yaml/v4"

// nested is a key whose value is made of mappings with known keys.
type nested struct {
	read   func(r *reader, into any, n *yaml.Node)
	schema func() map[string]any
}

// Mapping is a key whose value is a mapping with keys of its own. At returns where it is stored.
func Mapping[T, U any](key, usage string, inner Table[U], at func(*T) *U) Option[T] {
	u := inner.untyped()
	return Option[T]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read:   func(r *reader, into any, n *yaml.Node) { u.readMapping(r, n, at(pointer[T](into))) },
		schema: u.schema,
	}}
}

// List is a key whose value is a list of mappings. Add stores one of them.
func List[T, U any](key, usage string, inner Table[U], add func(*T, U)) Option[T] {
	u := inner.untyped()
	return Option[T]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read: func(r *reader, into any, n *yaml.Node) {
			u.readList(r, n, func(item any) { add(pointer[T](into), *pointer[U](item)) })
		},
		schema: func() map[string]any { return map[string]any{"type": "array", "items": u.schema()} },
	}}
}

// Map is a key whose value is a mapping with any keys, of mappings with known ones. Add stores one of them, or says what
// is wrong with its key.
func Map[T, U any](key, usage string, inner Table[U], add func(t *T, key string, u U) error) Option[T] {
	u := inner.untyped()
	return Option[T]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read: func(r *reader, into any, n *yaml.Node) {
			r.pairs(n, func(key, value *yaml.Node) {
				item := u.scratch()
				u.readMapping(r, value, item)
				r.fail(key, add(pointer[T](into), key.Value, *pointer[U](item)))
			})
		},
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": u.schema()}
		},
	}}
}

// Within makes the options of a part of T options of T.
func Within[T, U any](all []Option[U], at func(*T) *U) []Option[T] {
	within := make([]Option[T], len(all))
	for i := range all {
		o := &all[i]
		within[i].take(o.facts())
		within[i].Set = func(t *T, v Value) error { return o.Set(at(t), v) }
		if o.nested != nil { // which reads into a U
			within[i].nested = &nested{
				read:   func(r *reader, into any, n *yaml.Node) { o.nested.read(r, at(pointer[T](into)), n) },
				schema: o.nested.schema,
			}
		}
	}
	return within
}

// Entries returns the options as they are in an entry of a list, which no flag or variable sets.
func Entries[T any](all []Option[T]) []Option[T] {
	var entries []Option[T]
	for i := range all {
		o, u := all[i], all[i].facts()
		if u.key() != "" {
			o.Key, o.Old, o.entry = u.key(), u.oldKeys(), true
			entries = append(entries, o)
		}
	}
	return entries
}
