package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/inith/inith/internal/usererr"
)

func (e *execution) env(name string) (string, error) {
	value, err := e.envMaybe(name)
	if err == nil && value == nil {
		return "", e.scope.variables.missing(name)
	}
	text, _ := value.(string)
	return text, err
}

func (e *execution) envMaybe(name string) (any, error) {
	if !isName(name) {
		return nil, wrong("want the name of an environment variable, not its value")
	}
	value, set, err := e.scope.variables.get(name)
	if err != nil || !set {
		return nil, err
	}
	return value, nil
}

func secret(path string) (string, error) {
	return readSecret("the secret file", path)
}

func secretMaybe(path string) (any, error) {
	text, err := readSecret("the secret file", path)
	if isAbsent(err) {
		return nil, nil //nolint:nilnil // nil is what is missing
	}
	return text, err
}

// index returns the value under keys of mappings and indexes of lists.
func index(base any, keys ...any) (any, error) {
	value, err := item(base, keys)
	if err != nil {
		return nil, err
	}
	return value, nil
}

func indexMaybe(base any, keys ...any) (any, error) {
	value, err := item(base, keys)
	if err != nil && !err.absent {
		return nil, err
	}
	return value, nil
}

// quiet returns a function whose error does not show its argument.
func quiet[T any](f func(name string) (T, error)) func(name string) (T, error) {
	return func(name string) (T, error) {
		value, err := f(name)
		return value, withoutName(err)
	}
}

func quietIndex(f func(base any, keys ...any) (any, error)) func(base any, keys ...any) (any, error) {
	return func(base any, keys ...any) (any, error) {
		value, err := f(base, keys...)
		return value, withoutName(err)
	}
}

func withoutName(err error) error {
	if err == nil {
		return nil
	}
	return &usererr.Error{Text: "the name that was looked up does not exist", Hint: "check that the argument is a name, not a value"}
}

func item(value any, keys []any) (any, *lookupError) {
	for _, key := range keys {
		switch from := value.(type) {
		case []any:
			i, err := toInt(key)
			if err != nil {
				return nil, &lookupError{wrong("want the index of an item, from 0"), false}
			}
			if i < 0 || i >= len(from) {
				return nil, &lookupError{wrong("index out of range: the list has %d items", len(from)), true}
			}
			value = from[i]
		default:
			name, ok := key.(string)
			if !ok {
				return nil, &lookupError{wrong("want the name of a key, got %s", kindOf(value)), value == nil}
			}
			below, err := find("(…)", value, []string{name})
			if err != nil {
				return nil, err
			}
			value = below
		}
	}
	return value, nil
}

// kindOf names the type of a value, without the value.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int, float64, integer:
		return "a number"
	case []any:
		return "a list"
	case map[string]any, variables:
		return "a mapping"
	default:
		return "something else"
	}
}

// empty reports whether a value is missing or the zero value of its type.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case int:
		return v == 0
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case variables:
		return len(v) == 0
	default:
		return false
	}
}

func fallback(other, value any) any {
	if empty(value) {
		return other
	}
	return value
}

func required(message string, value any) (any, error) {
	if empty(value) {
		return nil, wrong("%s", message)
	}
	return value, nil
}

func fail(message string) (string, error) { return "", wrong("%s", message) }

func coalesce(values ...any) any {
	for _, v := range values {
		if !empty(v) {
			return v
		}
	}
	return nil
}

func ternary(yes, no any, condition bool) any {
	if condition {
		return yes
	}
	return no
}

func list(values ...any) []any { return values }

func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, wrong("dict: a key has no value")
	}
	m := map[string]any{}
	for pair := range slices.Chunk(pairs, 2) {
		key, ok := pair[0].(string)
		if !ok {
			return nil, wrong("dict: a key must be a string")
		}
		m[key] = pair[1]
	}
	return m, nil
}

func hasKey(mapping any, key string) (bool, error) {
	switch m := mapping.(type) {
	case map[string]any:
		_, ok := m[key]
		return ok, nil
	case variables:
		_, set, err := m.get(key)
		return set, err
	default:
		return false, wrong("hasKey: want a mapping, got %s", kindOf(mapping))
	}
}

func keys(mapping any) ([]any, error) {
	var names []string
	switch m := mapping.(type) {
	case map[string]any:
		names = slices.Sorted(maps.Keys(m))
	case variables:
		names = slices.Sorted(maps.Keys(m))
	default:
		return nil, wrong("keys: want a mapping, got %s", kindOf(mapping))
	}
	all := make([]any, len(names))
	for i := range names {
		all[i] = names[i]
	}
	return all, nil
}

// same compares the written form of two values, so that values of any type can be compared.
func same(a, b any) bool {
	return kindOf(a) == kindOf(b) && fmt.Sprint(a) == fmt.Sprint(b)
}

func has(value any, items []any) bool {
	return slices.ContainsFunc(items, func(i any) bool { return same(i, value) })
}

func first(items []any) (any, error) {
	if len(items) == 0 {
		return nil, wrong("first: the list is empty")
	}
	return items[0], nil
}

func last(items []any) (any, error) {
	if len(items) == 0 {
		return nil, wrong("last: the list is empty")
	}
	return items[len(items)-1], nil
}

func uniq(items []any) []any {
	var all []any
	for _, i := range items {
		if !has(i, all) {
			all = append(all, i)
		}
	}
	return all
}
