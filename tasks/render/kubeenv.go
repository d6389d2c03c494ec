package render

import (
	"maps"
	"slices"
	"strings"
)

// toKubeEnv writes an environment file for the kubelet, sorted by name. Its values have no escapes.
func toKubeEnv(mapping any) (string, error) {
	const longest = 128
	all, ok := mapping.(map[string]any)
	if !ok {
		return "", wrong("toKubeEnv: want a mapping of the names that the application needs, got %s", kindOf(mapping))
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, err := stringOf(all[name])
		switch printable := func(r rune) bool { return r > ' ' && r <= '~' && r != '=' }; {
		case err != nil:
			return "", err
		case name == "", len(name) > longest, strings.IndexFunc(name, func(r rune) bool { return !printable(r) }) >= 0, name[0] == '#':
			return "", wrong("toKubeEnv: a name is not one of 1 to %d printable ASCII characters without =", longest)
		case strings.ContainsAny(value, "'\x00"):
			return "", wrong("toKubeEnv: a value has a single quote or a NUL byte, which this format cannot represent")
		}
		lines = append(lines, name+"='"+value+"'")
	}
	return bounded(strings.Join(lines, "\n"))
}
