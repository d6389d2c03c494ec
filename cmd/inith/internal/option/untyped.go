package option

import (
	"reflect"
	"slices"

	"github.com/inith/inith/internal/diag"
)

// A table is a [Table] that does not know its type. Into, in its methods, is a P.
type table struct {
	options     []*row
	check       func(into any, given Given) error
	schemaExtra map[string]any
	short       string
	foreign     map[string]string
	faulty      bool
	at          func(into any, position diag.Position)
	environment Environment
	scratch     func() any // a new P
}

// A row is an [Option] that does not know its type.
type row struct {
	facts

	set    func(into any, v Value) error
	nested *nested
}

// facts are what an [Option] has besides its functions, under the same names.
type facts struct {
	Flag, Letter, Arg, Key                     string
	Old                                        []string
	Kind                                       Kind
	Usage, Default, DefaultText                string
	Choices, OldChoices, Excludes              []string
	Instead                                    string
	Required, Global, NoVariable, Empty, entry bool
}

// pointer returns what a table without its type fills.
func pointer[P any](into any) P {
	p, _ := into.(P)
	return p
}

// fresh returns a P to a zero value.
func fresh[P any]() any { return reflect.New(reflect.TypeFor[P]().Elem()).Interface() }

func (t Table[P]) untyped() *table {
	u := &table{
		schemaExtra: t.Schema, short: t.Short, foreign: t.Foreign, faulty: t.Faulty, environment: t.Environment,
		scratch: fresh[P],
	}
	for i := range t.Options {
		o := &t.Options[i]
		u.options = append(u.options, &row{o.facts(), o.setAny, o.nested})
	}
	if check := t.Check; check != nil {
		u.check = func(into any, given Given) error { return check(pointer[P](into), given) }
	}
	if at := t.At; at != nil {
		u.at = func(into any, position diag.Position) { at(pointer[P](into), position) }
	}
	return u
}

// setAny is Set for a P that is not known to be one.
func (o *Option[P]) setAny(into any, v Value) error { return o.Set(pointer[P](into), v) }

func (o *Option[P]) facts() facts {
	return facts{
		o.Flag, o.Letter, o.Arg, o.Key, o.Old, o.Kind, o.Usage, o.Default, o.DefaultText, o.Choices, o.OldChoices, o.Excludes,
		o.Instead, o.Required, o.Global, o.NoVariable, o.Empty, o.entry,
	}
}

// take gives the option facts.
func (o *Option[P]) take(f facts) {
	o.Flag, o.Letter, o.Arg, o.Key, o.Old, o.Kind, o.Usage = f.Flag, f.Letter, f.Arg, f.Key, f.Old, f.Kind, f.Usage
	o.Default, o.DefaultText, o.Choices, o.OldChoices = f.Default, f.DefaultText, f.Choices, f.OldChoices
	o.Excludes, o.Instead, o.Required, o.Global = f.Excludes, f.Instead, f.Required, f.Global
	o.NoVariable, o.Empty, o.entry = f.NoVariable, f.Empty, f.entry
}

// id returns the name by which a [Given] knows the option.
func (o *facts) id() string {
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
func (o *facts) key() string {
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
func (o *facts) oldKeys() []string {
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
