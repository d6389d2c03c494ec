package render

import (
	"maps"
	"slices"
	"strings"
)

func until(count any) ([]any, error) {
	n, err := toInt(count)
	switch {
	case err != nil:
		return nil, err
	case n < 0 || n > maxRounds:
		return nil, wrong("until: want 0 to %d", maxRounds)
	}
	all := make([]any, n)
	for i := range all {
		all[i] = i
	}
	return all, nil
}

// merged returns a new mapping. The first definition of a key counts, as in sprig; mappings are merged key by key.
func merged(mappings ...any) (map[string]any, error) {
	all := map[string]any{}
	for _, value := range slices.Backward(mappings) {
		m, ok := value.(map[string]any)
		if !ok {
			return nil, wrong("merge: want mappings, got %s", kindOf(value))
		}
		merge(all, m)
	}
	return all, nil
}

func concat(lists ...any) ([]any, error) {
	var all []any
	for _, value := range lists {
		items, ok := value.([]any)
		if !ok {
			return nil, wrong("concat: want lists, got %s", kindOf(value))
		}
		all = append(all, items...)
	}
	return all, nil
}

func appended(items []any, value any) []any { return append(slices.Clip(items), value) }

// dig returns the value under nested keys of a mapping, which may all be missing.
func dig(args ...any) (any, error) {
	const fewest = 3
	if len(args) < fewest {
		return nil, wrong("dig: want KEY..., FALLBACK and a mapping")
	}
	keys, other, mapping := args[:len(args)-2], args[len(args)-2], args[len(args)-1]
	value, err := indexMaybe(mapping, keys...)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return other, nil
	}
	return value, nil
}

// kindIs takes the names that sprig has, which are those of Go.
func kindIs(kind string, value any) (bool, error) {
	known := map[string]string{
		"string": "a string", "bool": "true or false", "int": "a number", "int64": "a number", "float64": "a number",
		"slice": "a list", "map": "a mapping", "invalid": "null",
	}
	want, ok := known[kind]
	if !ok {
		return false, wrong("kindIs: want one of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	_, fraction := value.(float64)
	return kindOf(value) == want && (want != "a number" || fraction == (kind == "float64")), nil
}
