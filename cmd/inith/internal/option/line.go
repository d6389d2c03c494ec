package option

import (
	"errors"
	"fmt"
	"strings"
)

// An Environment looks up the variables of a command.
type Environment struct {
	Command string // as in the names of variables: "wait"
	// Lookup returns a variable; one that is empty counts as unset.
	Lookup func(name string) (value string, set bool)
}

// A Line is what a command line says.
type Line struct {
	Flags map[string][]string // the values of each flag, by the name that was used
	Args  []string
	Environment
}

// readLine fills into from a command line and its environment. It reads what it can, and returns all errors.
func (t *table) readLine(into any, line Line) (Given, error) {
	g := t.newGiven(false)
	values, errs := t.collect(line, g)
	t.assignArgs(values, line.Args, g)
	errs = append(errs, t.resolve(g))
	t.setDefaults(into)
	for _, o := range t.options {
		if g.Has(o.id()) {
			errs = append(errs, o.setAll(into, values[o.id()], g.Name(o.id())))
		}
	}
	g.Args = line.Args
	err := errors.Join(errs...)
	if err == nil && t.check != nil {
		err = t.check(into, g)
	}
	return g, err
}

// collect returns the values of the options that the line or the environment sets.
func (t *table) collect(line Line, g Given) (values map[string][]string, errs []error) {
	values = map[string][]string{}
	for _, o := range t.options {
		if o.Flag == "" {
			continue
		}
		found, err := o.find(line)
		errs = append(errs, err)
		if found.origin > FromDefault {
			values[o.id()], g.origins[o.id()], g.names[o.id()] = found.values, found.origin, found.name
			g.note(found)
		}
	}
	return values, errs
}

// A setting is what was found of an option outside files.
type setting struct {
	origin Origin
	name   string // that was used
	now    string // its name of today, if it was a former one
	values []string
}

// note keeps that a former name was used.
func (g Given) note(s setting) {
	if s.now != "" {
		g.renamed[s.name] = s.now
	}
}

// find looks for an option among the flags, then among the variables, under its name and its former ones. Two names at
// once are an error.
func (o *row) find(line Line) (setting, error) {
	flag, err := o.oneName(FromFlag, func(name string) (string, []string) {
		return "--" + name, o.meant(line.Flags[name])
	})
	if err != nil || flag.origin > FromDefault {
		return flag, err
	}
	return o.inEnvironment(line.Environment)
}

// inEnvironment looks for an option among the variables.
func (o *row) inEnvironment(e Environment) (setting, error) {
	if e.Lookup == nil || o.NoVariable {
		return setting{}, nil
	}
	return o.oneName(FromVariable, func(name string) (string, []string) {
		variable := o.variable(e.Command, name)
		if value, set := e.Lookup(variable); set {
			return "$" + variable, []string{value}
		}
		return "", nil
	})
}

// spelled returns a name as it stands in that of a flag or of a variable.
func spelled(origin Origin, name string) string {
	if origin == FromVariable {
		return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	}
	return name
}

func (o *row) oneName(origin Origin, look func(name string) (string, []string)) (setting, error) {
	var found setting
	for i := range 1 + len(o.Old) {
		name := o.Flag
		if i > 0 {
			name = o.Old[i-1]
		}
		used, values := look(name)
		switch {
		case len(values) == 0 || used == found.name: // of variables, log.level and log-level have the same
		case found.origin > FromDefault:
			return found, fmt.Errorf("%s is the old name of %s: give only one of them", used, found.name)
		default:
			found = setting{origin: origin, name: used, values: values}
			if i > 0 {
				found.now = strings.Replace(used, spelled(origin, name), spelled(origin, o.Flag), 1)
			}
		}
	}
	return found, nil
}

// meant leaves out strings that are empty, as "$UNSET" in a script makes them: they count as not given. Of a list they
// stay, and are errors: a target, a file or a rule that is silently left out would not be waited for, checked or applied.
func (o *row) meant(values []string) []string {
	if o.Empty {
		return values
	}
	switch o.Kind {
	case String, Digits, Size:
	default:
		return values
	}
	var kept []string
	for _, s := range values {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}

// setAll sets the values of an option; of one that is no list, the last.
func (o *row) setAll(into any, values []string, name string) error {
	if !o.Kind.isList() {
		values = values[len(values)-1:]
	}
	var errs []error
	for i, s := range values {
		if s == "" && o.Kind.isList() && !o.Empty {
			errs = append(errs, fmt.Errorf("%s: value %d of %d is empty: check that the environment variable it comes from is set", name, i+1, len(values)))
			continue
		}
		v, err := o.parse(s)
		if err == nil {
			err = o.set(into, v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// assignArgs gives the arguments to the options that have one, in their order. What is left over is for Check.
func (t *table) assignArgs(values map[string][]string, args []string, g Given) {
	for _, o := range t.options {
		if o.Arg == "" || len(args) == 0 || t.replaced(o, g, len(args)) {
			continue
		}
		n := 1
		if o.Kind.isList() {
			n = len(args)
		}
		if meant := o.meant(args[:n]); len(meant) > 0 {
			values[o.id()], g.origins[o.id()], g.names[o.id()] = meant, FromFlag, o.Arg
		}
		args = args[n:]
	}
}

// replaced reports whether another option was given in place of an argument. Of a variable that only holds if there are
// too few arguments.
func (t *table) replaced(argument *row, g Given, have int) bool {
	want := 0
	for _, o := range t.options {
		if o.Arg != "" {
			want++
		}
	}
	for _, o := range t.options {
		if o.Instead != argument.id() {
			continue
		}
		if g.Origin(o.id()) == FromFlag || g.Origin(o.id()) == FromVariable && have < want {
			return true
		}
	}
	return false
}
