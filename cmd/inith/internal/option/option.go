// Package option is the one table behind everything that a user can set. A row of a literal table names an option, and
// from the row follow its flag or argument, its environment variable, its key in the YAML files that inith reads, their
// JSON Schema, the completion and the help.
//
// Errors are reported all at once, each with the name that the user wrote, or with line and column. They quote nothing
// that may be a secret.
package option

import "github.com/inith/inith/internal/diag"

// NoKey is the Key of an option that no file can set.
const NoKey = "-"

// A Table is the options that fill what a P points to. P is a pointer type: for all of these, the code exists once in the
// binary.
type Table[P any] struct {
	Options []Option[P]
	// Check reports what is wrong with the options together, when each of them is right; nil if nothing is.
	Check func(into P, given Given) error
	// Schema is added to the JSON Schema of the mapping: what Check asks for.
	Schema map[string]any
	// Short is the key that is meant where its value stands in place of the mapping; "" for none.
	Short string
	// Foreign are keys of other tools that users write here, each with a hint that says what to write instead.
	Foreign map[string]string
	// Faulty asks for the entries of a list that have errors too, as far as they could be read.
	Faulty bool
	// At receives the position of the mapping, before its keys are read; nil if nobody wants it.
	At func(into P, position diag.Position)
	// Environment holds the variables that override keys of the mapping; the zero value overrides none.
	Environment Environment
}

// An Option is one row of a table. Its names say where it can be set.
type Option[P any] struct {
	Flag   string   // name of the flag, without dashes; "" if it has none
	Letter string   // the short form of the flag; "" if it has none
	Arg    string   // name of the argument in the usage, such as SOURCE; "" if it is none
	Key    string   // "" stands for the flag in camel case, in the plural if it is a list; NoKey for none
	Old    []string // former names of the flag, or of the key if there is no flag: accepted, but not shown

	Kind        Kind
	Usage       string   // one line for people; a word in `backquotes` is the placeholder of the value
	Default     string   // as a user would write it; "" for none
	DefaultText string   // describes a default that is not a value; "" shows Default
	Choices     []string // the only values, if there are any
	OldChoices  []string // former values: accepted, but not shown
	Excludes    []string // ids of options that cannot be given with this one
	Instead     string   // id of the argument in whose place the option is given
	Required    bool     // of a key
	Global      bool     // the variable has no command in its name
	NoVariable  bool     // no variable sets it
	Empty       bool     // a string that is empty is a value, not one that was not given

	// Set takes the value over, or says what is wrong with it, without quoting it. Of a list or a mapping it gets the
	// values one by one.
	Set func(into P, v Value) error

	nested *nested // of Mapping, List and Map
	entry  bool    // of a list: no variable sets it
}

// ID returns the name by which a [Given] knows the option: that of its flag, else of its key, else of its argument.
func (o *Option[P]) ID() string {
	f := o.facts()
	return f.id()
}

// ReadLine fills a T from a command line and its environment. It returns what it could read, and all errors.
func ReadLine[T any](t Table[*T], line Line) (T, Given, error) {
	var into T
	given, err := t.untyped().readLine(&into, line)
	return into, given, err
}

// Rows returns the options of a command.
func (t Table[P]) Rows(command string) []Row { return t.untyped().rows(command) }

// Keys returns the names of the keys that a file may have.
func (t Table[P]) Keys() []string { return t.untyped().keys() }
