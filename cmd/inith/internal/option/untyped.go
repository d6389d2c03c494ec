package option

import (
	"slices"
	"unsafe"

	"github.com/inith/inith/internal/diag"
)

// A table is a [Table] that does not know its type, so that the code behind it exists once in the binary, not once per
// type. Into, in its methods, is a *T.
type table struct {
	options     []*row
	check       func(into any, given Given) error
	schemaExtra map[string]any
	short       string
	foreign     map[string]string
	faulty      bool
	at          func(into any, position diag.Position)
	environment Environment
	scratch     func() any // a new *T
}

// A row is an [Option] that does not know its type.
type row struct {
	Option[any]

	set func(into any, v Value) error
}

// pointer returns the T that a table without its type fills.
func pointer[T any](into any) *T {
	p, _ := into.(*T)
	return p
}

func (t Table[T]) untyped() *table {
	u := newTable((*Table[any])(unsafe.Pointer(&t))) //nolint:gosec // see [Option.anyType]
	u.scratch = func() any { return new(T) }
	for i := range t.Options {
		u.options[i].set = t.Options[i].setAny
	}
	if check := t.Check; check != nil {
		u.check = func(into any, given Given) error { return check(pointer[T](into), given) }
	}
	if at := t.At; at != nil {
		u.at = func(into any, position diag.Position) { at(pointer[T](into), position) }
	}
	return u
}

// newTable returns a table with what needs no type of t.
//
//go:noinline
func newTable(t *Table[any]) *table {
	u := &table{schemaExtra: t.Schema, short: t.Short, foreign: t.Foreign, faulty: t.Faulty, environment: t.Environment}
	for i := range t.Options {
		u.options = append(u.options, newRow(&t.Options[i]))
	}
	return u
}

func newRow(o *Option[any]) *row {
	u := &row{}
	copyFacts(&u.Option, o)
	return u
}

// setAny is Set for a T that is not known to be one.
func (o *Option[T]) setAny(into any, v Value) error { return o.Set(pointer[T](into), v) }

// anyType returns the option as one of any type: all are alike in memory, and what differs is what Set takes, which must not be
// called. Code that copies the facts of an option one by one would be in the binary a hundred times, for each pair of types.
func (o *Option[T]) anyType() *Option[any] {
	return (*Option[any])(unsafe.Pointer(o)) //nolint:gosec // see above
}

// copyFacts copies what an option has besides Set.
//
//go:noinline
func copyFacts(to, from *Option[any]) {
	*to = *from
	to.Set = nil
}

// id returns the name by which a [Given] knows the option.
func (o *row) id() string { return idOf(&o.Option) }

func idOf(o *Option[any]) string {
	switch {
	case o.Flag != "":
		return o.Flag
	case o.Key != "" && o.Key != NoKey:
		return o.Key
	default:
		return o.Arg
	}
}

// key returns the name of the key, "" if there is none.
func (o *row) key() string {
	switch {
	case o.Key == NoKey:
		return ""
	case o.Key != "":
		return o.Key
	case o.Flag != "" && o.Kind.isList():
		return camelCase(o.Flag) + "s"
	default:
		return camelCase(o.Flag)
	}
}

// oldKeys returns the former names of the key.
func (o *row) oldKeys() []string {
	if o.key() == "" {
		return nil
	}
	var all []string
	for _, name := range o.Old {
		all = append(all, camelCase(name))
	}
	return all
}

// withKey returns the option that a key means, nil if there is none.
func (t *table) withKey(name string) *row {
	for _, o := range t.options {
		if name != "" && (o.key() == name || slices.Contains(o.oldKeys(), name)) {
			return o
		}
	}
	return nil
}

func (t *table) keys() []string {
	var names []string
	for _, o := range t.options {
		if name := o.key(); name != "" {
			names = append(names, name)
		}
	}
	return names
}
