package terminal_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/inith/inith/internal/terminal"
)

func TestFit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names []string
		width int
		want  []string
	}{
		{nil, 10, []string{}},
		{[]string{"short"}, 10, []string{"short"}},
		{[]string{"postgres://db.example.com/app"}, 11, []string{"postg…m/app"}},
		{
			[]string{"model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors"},
			18,
			[]string{"model-00…1…tensors", "model-00…2…tensors"},
		},
		{[]string{"a-long-common-prefix-1", "a-long-common-prefix-2"}, 12, []string{"a-long-co…1", "a-long-co…2"}},
		{[]string{"x/nothing/in/common", "y/else"}, 10, []string{"x/no…ommon", "y/else"}},
	} {
		got := terminal.Fit(test.names, test.width)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.names, got, test.want)
		}
		for _, name := range got {
			if utf8.RuneCountInString(name) > test.width {
				t.Errorf("%q is longer than %d", name, test.width)
			}
		}
	}
}
