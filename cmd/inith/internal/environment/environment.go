// Package environment looks up the environment variables that inith was started with. A secret is in the variable NAME, or
// in the file that NAME_FILE names: see [Variables.Secret].
package environment

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/inith/inith/internal/environ"
)

// Variables are NAME=value pairs, as the operating system gives them. Of two with one name, the last one counts.
type Variables []string

// Get returns a variable as a program sees it: one that is empty is set.
func (v Variables) Get(name string) (value string, set bool) { return environ.Lookup(v, name) }

// Lookup returns a variable of inith; one that is empty counts as unset.
func (v Variables) Lookup(name string) (value string, set bool) {
	value, _ = v.Get(name)
	return value, value != ""
}

// Secret returns the value of the variable NAME, or the content of the file that NAME_FILE names. Its errors quote
// neither.
func (v Variables) Secret(name string) (string, error) {
	if !IsName(name) { // a value in its place is kept out of messages
		return "", errors.New("want the name of an environment variable, not its value")
	}
	if value, ok := v.Lookup(name); ok {
		return strings.TrimSpace(value), nil
	}
	file, ok := v.Lookup(name + "_FILE")
	if !ok {
		return "", fmt.Errorf("neither $%s nor $%s_FILE is set", name, name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("$%s_FILE names a file that cannot be read: %w", name, errors.Unwrap(err))
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return "", fmt.Errorf("$%s_FILE names an empty file", name)
	}
	return value, nil
}

// Names returns the names in a list, separated by spaces or commas.
func Names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// IsName reports whether s can name a variable: letters, digits and _, the first one no digit.
func IsName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// With returns the variables with others added, which override those of the same name.
func (v Variables) With(others []string) Variables {
	names := map[string]bool{}
	for _, pair := range others {
		name, _, _ := strings.Cut(pair, "=")
		names[name] = true
	}
	var all Variables
	for _, pair := range v {
		if name, _, _ := strings.Cut(pair, "="); !names[name] {
			all = append(all, pair)
		}
	}
	return append(all, others...)
}
