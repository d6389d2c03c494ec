package option

import (
	"slices"

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
	u := &table{
		schemaExtra: t.Schema, short: t.Short, foreign: t.Foreign, faulty: t.Faulty, environment: t.Environment,
		scratch: func() any { return new(T) },
	}
	for i := range t.Options {
		u.options = append(u.options, t.Options[i].untyped())
	}
	if t.Check != nil {
		u.check = func(into any, given Given) error { return t.Check(pointer[T](into), given) }
	}
	if t.At != nil {
		u.at = func(into any, position diag.Position) { t.At(pointer[T](into), position) }
	}
	return u
}

func (o *Option[T]) untyped() *row {
	u := &row{Option: described[any](o), set: func(into any, v Value) error { return o.Set(pointer[T](into), v) }}
	u.nested = o.nested
	return u
}

// described returns an option of a T with the names and facts of o, and without what reads its value.
func described[T, U any](o *Option[U]) Option[T] {
	return Option[T]{
		Flag: o.Flag, Letter: o.Letter, Arg: o.Arg, Key: o.Key, Old: o.Old, Kind: o.Kind, Usage: o.Usage, Default: o.Default,
		DefaultText: o.DefaultText, Choices: o.Choices, OldChoices: o.OldChoices, Excludes: o.Excludes, Instead: o.Instead,
		Required: o.Required, Global: o.Global, NoVariable: o.NoVariable, Empty: o.Empty, entry: o.entry,
	}
}

// id returns the name by which a [Given] knows the option.
func (o *row) id() string {
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
