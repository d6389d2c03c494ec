package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// edit returns a manifest with one change at random, "" if it cannot be read.
func edit(random *rand.Rand, text string) string {
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		return ""
	}
	var all []place
	for _, part := range []string{"spec", "data", "binaryData", "stringData"} {
		if m, ok := o[part].(map[string]any); ok && len(m) > 0 {
			all = append(all, place{map[string]any{}, o, part})
		}
		places(o[part], o, &all)
	}
	if len(all) == 0 {
		return ""
	}
	p := all[random.IntN(len(all))]
	v := p.in[p.key]
	switch random.IntN(5) {
	case 0: // a typing error
		delete(p.in, p.key)
		p.in[misspelled(random, p.key)] = v
	case 1: // one level up
		delete(p.in, p.key)
		p.around[p.key] = v
	case 2: // one level down
		if m, ok := v.(map[string]any); ok {
			m[p.key] = "x"
		} else {
			p.in[strings.ToLower(p.key)] = v
		}
	case 3: // another type
		p.in[p.key] = []any{8080, "8080", true, "true", nil, []any{}, map[string]any{}, []any{"x"}, map[string]any{"x": "y"}}[random.IntN(9)]
	case 4: // a key of somewhere else
		other := all[random.IntN(len(all))]
		p.in[other.key] = other.in[other.key]
	}
	b, err := yaml.Marshal(o)
	if err != nil {
		return ""
	}
	return string(b)
}

// A place is a key of a mapping.
type place struct {
	around, in map[string]any
	key        string
}

// places collects the keys below a value, of mappings in lists too.
func places(v any, around map[string]any, all *[]place) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			*all = append(*all, place{around, v, key})
			places(v[key], v, all)
		}
	case []any:
		for _, item := range v {
			places(item, around, all)
		}
	}
}

func misspelled(random *rand.Rand, key string) string {
	i := random.IntN(len(key))
	switch random.IntN(3) {
	case 0:
		return key[:i] + key[i+1:] + "_"
	case 1:
		return key + "s"
	default:
		return key[:i] + strings.ToUpper(key[i:i+1]) + key[i+1:]
	}
}

// TestEditChanges: an edit is another text, most of the time.
func TestEditChanges(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 200 {
		seen[edit(random, "kind: Pod\nspec: {containers: [{name: a, image: x}]}")] = true
	}
	if len(seen) < 20 {
		t.Errorf("%d edits", len(seen))
	}
}
