package render

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
)

// variables is the environment.
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

// get returns the value of a variable. If it is unset or empty and NAME_FILE is set, it returns the content of that
// file, without the final newline.
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
		Err:  errMissing,
	}
}

// isName reports whether s is a valid variable name. Anything else is never shown, because it may be a value in the
// wrong place.
func isName(s string) bool { return s != "" && leadingName(s) == s }

// leadingName returns the variable name at the start of s, or "".
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

// ParseNames returns the variable names in strings such as "A", "A,B" and, in the syntax of envsubst, "$A ${B}". Any
// other character but = separates two names. Its error quotes nothing.
func ParseNames(texts []string) ([]string, error) {
	var names []string
	for _, text := range texts {
		found, ok := namesIn(text)
		if !ok {
			return nil, errors.New("want names of environment variables")
		}
		names = append(names, found...)
	}
	return names, nil
}

func namesIn(text string) (names []string, ok bool) {
	for text != "" {
		rest, braces := strings.CutPrefix(text, "${")
		name := leadingName(rest)
		text = rest[len(name):]
		switch {
		case braces && (name == "" || !strings.HasPrefix(text, "}")):
			return nil, false
		case name != "":
			names = append(names, name)
		case text[0] == '=', '0' <= text[0] && text[0] <= '9': // a value, which would be ignored
			return nil, false
		default:
			text = text[1:]
		}
	}
	return names, len(names) > 0
}
