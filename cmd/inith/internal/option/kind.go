package option

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/suggest"
)

// A Kind is what a value has to be.
type Kind int

// The kinds of values.
const (
	String          Kind = iota
	Digits               // a string that YAML may take for a number: permission bits, a digest
	Integer              // a whole number
	Number               // a decimal number
	Bool                 // true or false
	Duration             // Go syntax, or none
	Size                 // a number of bytes with a unit
	Strings              // a list of strings
	StringOrStrings      // a list of strings, or a single one
	StringMap            // a mapping with any keys, of strings
	object               // a mapping with known keys, or several: Mapping, List, Map
)

func (k Kind) isList() bool { return k == Strings || k == StringOrStrings }

// A Value is a scalar. Its Kind says which fields are set.
type Value struct {
	Str      string // as it was written
	Int      int64  // of an Integer; bytes of a Size
	Number   float64
	Bool     bool
	Duration time.Duration // zero stands for none

	Name     string        // the key that it has in a mapping of the kind StringMap
	Listed   bool          // it is one of a list
	Position diag.Position // in its file; zero on a command line
}

// parse reads a scalar. Its errors do not quote it.
func (o *row) parse(s string) (v Value, err error) {
	v.Str = s
	if len(o.Choices) > 0 && !slices.Contains(o.Choices, s) && !slices.Contains(o.OldChoices, s) {
		return v, fmt.Errorf("want %s%s", oneOf(o.Choices), suggest.DidYouMean(s, o.Choices))
	}
	switch o.Kind {
	case Integer:
		v.Int, err = strconv.ParseInt(s, 10, 64)
	case Number:
		v.Number, err = strconv.ParseFloat(s, 64)
	case Bool:
		v.Bool, err = strconv.ParseBool(s)
	case Duration:
		v.Duration, err = duration.Parse(s)
		return v, err
	case Size:
		v.Int, err = bytesize.Parse(s)
		return v, err
	}
	if err != nil {
		err = o.Kind.wanted()
	}
	return v, err
}

// wanted is the error for a value of another kind.
func (k Kind) wanted() error { return errors.New("want " + k.noun()) }

func (k Kind) noun() string {
	switch k {
	case Integer:
		return "an integer"
	case Bool:
		return "true or false"
	case Number:
		return "a number"
	case Strings:
		return "a list of strings"
	case StringOrStrings:
		return "a string or a list of strings"
	case StringMap:
		return "a mapping of strings"
	default:
		return "a string"
	}
}

// oneOf writes "a, b or c".
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
