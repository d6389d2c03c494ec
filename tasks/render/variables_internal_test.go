package render

import (
	"slices"
	"strings"
	"testing"
)

func TestParseNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A": "A", "A B": "A B", "A,B": "A B", "A, B;C:D|E\nF": "A B C D E F", "$A ${B}": "A B", "$A$B${C}": "A B C", "${A},${B}": "A B",
		"'$A' \"B\"": "A B", "A_1/b2": "A_1 b2", "$A-$B": "A B",
		"": "", " , ": "", "${A:-x}": "", "${A": "", "${}": "", "1A": "", "A=b": "", "A,1": "",
	} {
		names, err := ParseNames([]string{text})
		if !slices.Equal(names, strings.Fields(want)) || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, names, err, want)
		}
	}
	if names, err := ParseNames([]string{"A", "B,C"}); err != nil || len(names) != 3 {
		t.Errorf("got %q, %v", names, err)
	}
}
