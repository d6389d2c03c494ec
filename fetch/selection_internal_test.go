package fetch

import "testing"

// TestMatchName compares with what Python's fnmatch.fnmatchcase says, and with what the hub's client adds.
func TestMatchName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.json", "config.json", true},
		{"*.json", "a/b/config.json", true},
		{"*.json", "config.json.bak", false},
		{"onnx/*", "onnx/a/b", true},
		{"onnx/", "onnx/a/b", true},
		{"onnx/", "onnx", false},
		{"onnx", "onnx/a", false},
		{"model-0000?-of-*", "model-00001-of-00002.bin", true},
		{"[ab].txt", "b.txt", true},
		{"[!ab].txt", "b.txt", false},
		{"[!ab].txt", "c.txt", true},
		{"[a-c]", "b", true},
		{"[a-c]", "d", false},
		{"[]]", "]", true},
		{"[", "[", true},
		{"[a", "a", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"*", "", true},
		{"", "", true},
		{"?", "ü", true},
		{"A", "a", false},
		{"**", "a/b", true},
	} {
		if got := matchName(c.pattern, c.name); got != c.want {
			t.Errorf("%q, %q: %t, want %t", c.pattern, c.name, got, c.want)
		}
	}
}
