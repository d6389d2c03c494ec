package option

import "go.yaml.in/yaml/v4"

// nested is a key whose value is made of mappings with known keys.
type nested struct {
	read   func(r *reader, into any, n *yaml.Node)
	schema func() map[string]any
}

// Mapping is a key whose value is a mapping with keys of its own. At returns where it is stored.
func Mapping[P, Q any](key, usage string, inner Table[Q], at func(P) Q) Option[P] {
	u := inner.untyped()
	return Option[P]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read:   func(r *reader, into any, n *yaml.Node) { u.readMapping(r, n, at(pointer[P](into))) },
		schema: u.schema,
	}}
}

// List is a key whose value is a list of mappings. Add stores one of them.
func List[P, Q any](key, usage string, inner Table[Q], add func(P, Q)) Option[P] {
	u := inner.untyped()
	return Option[P]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read: func(r *reader, into any, n *yaml.Node) {
			u.readList(r, n, func(item any) { add(pointer[P](into), pointer[Q](item)) })
		},
		schema: func() map[string]any { return map[string]any{"type": "array", "items": u.schema()} },
	}}
}

// Map is a key whose value is a mapping with any keys, of mappings with known ones. Add stores one of them, or says what
// is wrong with its key.
func Map[P, Q any](key, usage string, inner Table[Q], add func(into P, key string, item Q) error) Option[P] {
	u := inner.untyped()
	return Option[P]{Key: key, Kind: object, Usage: usage, nested: &nested{
		read: func(r *reader, into any, n *yaml.Node) {
			r.pairs(n, func(key, value *yaml.Node) {
				item := u.scratch()
				u.readMapping(r, value, item)
				r.fail(key, add(pointer[P](into), key.Value, pointer[Q](item)))
			})
		},
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": u.schema()}
		},
	}}
}

// Held returns the options that a variable holds, new ones if it is nil.
func Held[P any](variable *any) P {
	if *variable == nil {
		*variable = fresh[P]()
	}
	return pointer[P](*variable)
}

// Within makes the options of a part, which at returns, options of the whole.
func Within[P, Q any](all []Option[Q], at func(P) Q) []Option[P] {
	within := make([]Option[P], len(all))
	for i := range all {
		o := &all[i]
		within[i].take(o.facts())
		within[i].Set = func(into P, v Value) error { return o.Set(at(into), v) }
		if o.nested != nil { // which reads into a Q
			within[i].nested = &nested{
				read:   func(r *reader, into any, n *yaml.Node) { o.nested.read(r, at(pointer[P](into)), n) },
				schema: o.nested.schema,
			}
		}
	}
	return within
}

// Entries returns the options as they are in an entry of a list, which no flag or variable sets.
func Entries[P any](all []Option[P]) []Option[P] {
	var entries []Option[P]
	for i := range all {
		o, u := all[i], all[i].facts()
		if u.key() != "" {
			o.Key, o.Old, o.entry = u.key(), u.oldKeys(), true
			entries = append(entries, o)
		}
	}
	return entries
}
