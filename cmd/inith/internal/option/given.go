package option

import (
	"errors"
	"fmt"
)

// An Origin is where a value came from. A higher one overrides a lower one.
type Origin int

// The origins of values.
const (
	FromDefault Origin = iota
	FromFile
	FromVariable
	FromFlag
)

// A Given tells which options were given, and what to call them where they were given.
type Given struct {
	Args []string // the arguments of the command line

	origins map[string]Origin // by ID, of those that were given
	names   map[string]string // by ID, of all
	renamed map[string]string // former names that were used, with those of today
}

// Origin returns where the value of an option came from.
func (g Given) Origin(id string) Origin { return g.origins[id] }

// Has reports whether an option was given in any way.
func (g Given) Has(id string) bool { return g.origins[id] > FromDefault }

// Name returns the name of an option as the user knows it: --mode, $INITH_FETCH_MODE, or mode.
func (g Given) Name(id string) string { return g.names[id] }

// Renamed returns the former names that were used, with those of today.
func (g Given) Renamed() map[string]string { return g.renamed }

// Errorf returns an error about an option, after its name.
func (g Given) Errorf(id, format string, args ...any) error {
	return fmt.Errorf("%s: %w", g.Name(id), fmt.Errorf(format, args...))
}

// Excluding returns an error that two options exclude each other.
func (g Given) Excluding(a, b string) error {
	return errors.New(g.Name(a) + " and " + g.Name(b) + " exclude each other")
}

// resolve drops the lower one of each two options that exclude each other. Where they came from the same place, that is
// an error.
func (t *table) resolve(g Given) error {
	var errs []error
	for _, o := range t.options {
		for _, other := range o.excludes() {
			a, b := g.origins[o.id()], g.origins[other]
			switch {
			case a == FromDefault || b == FromDefault:
			case a == b:
				errs = append(errs, g.Excluding(o.id(), other))
			case a < b:
				delete(g.origins, o.id())
			default:
				delete(g.origins, other)
			}
		}
	}
	return errors.Join(errs...)
}

func (o *row) excludes() []string {
	if o.Instead == "" {
		return o.Excludes
	}
	return append([]string{o.Instead}, o.Excludes...)
}

// newGiven knows the names of the options of a table.
func (t *table) newGiven(inFile bool) Given {
	g := Given{origins: map[string]Origin{}, names: make(map[string]string, len(t.options)), renamed: map[string]string{}}
	for _, o := range t.options {
		switch {
		case inFile && o.key() != "":
			g.names[o.id()] = o.key()
		case o.Flag != "":
			g.names[o.id()] = "--" + o.Flag
		default:
			g.names[o.id()] = o.Arg
		}
	}
	return g
}

// setDefaults gives each option its default.
func (t *table) setDefaults(into any) {
	for _, o := range t.options {
		if o.Default == "" {
			continue
		}
		v, err := o.parse(o.Default)
		if err == nil {
			err = o.set(into, v)
		}
		if err != nil {
			panic("default of " + o.id() + ": " + err.Error()) // a test reads every table
		}
	}
}
