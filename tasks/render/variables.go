package render

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
)

// variables are those of the environment.
type variables map[string]string

func newVariables(env []string) variables {
	v := variables{}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			v[name] = value
		}
	}
	return v
}

// get returns the value of a variable: if it is not set or empty, and NAME_FILE is
// set, what is in the file that this names, without the line end.
func (v variables) get(name string) (value string, set bool, err error) {
	value, set = v[name]
	path := v[name+"_FILE"]
	if value != "" || path == "" {
		return value, set, nil
	}
	value, err = readSecret("$"+name+"_FILE: the file it names", path)
	return value, err == nil, err
}

// missing says that an environment variable is not set. Its name is what a template has in the
// place of a name.
func (v variables) missing(name string) *usererr.Error {
	names := slices.Sorted(maps.Keys(v))
	return &usererr.Error{
		Text: "$" + name + " is not set" + suggest.DidYouMean(name, names),
		Hint: "set it, or $" + name + "_FILE to a file with the value; make it optional with a default",
	}
}

// isName reports whether s can be the name of a variable. What is none, is never
// shown: it may be a value in the wrong place.
func isName(s string) bool { return s != "" && leadingName(s) == s }

// leadingName returns the name of a variable that s begins with, "" if there is none.
func leadingName(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	if end < 0 {
		end = len(s)
	}
	if end == 0 || '0' <= s[0] && s[0] <= '9' {
		return ""
	}
	return s[:end]
}

// ParseNames returns the names of variables in texts such as "A", "A B" and, as
// envsubst wants it, "$A ${B}". Its error quotes nothing.
func ParseNames(texts []string) ([]string, error) {
	var names []string
	for word := range strings.FieldsSeq(strings.Join(texts, " ")) {
		name := strings.TrimPrefix(word, "$")
		if inner, ok := strings.CutPrefix(name, "{"); ok {
			name = strings.TrimSuffix(inner, "}")
		}
		if !isName(name) {
			return nil, errors.New("want the name of an environment variable")
		}
		names = append(names, name)
	}
	return names, nil
}
