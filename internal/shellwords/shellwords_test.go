package shellwords_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/shellwords"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"":                            nil,
		" python manage.py\tmigrate ": {"python", "manage.py", "migrate"},
		`a 'b c' "d e" f\ g`:          {"a", "b c", "d e", "f g"},
		`'' "" x''y`:                  {"", "", "xy"},
		`"a\"b\\c\d" '\"'`:            {`a"b\c\d`, `\"`},
		`$HOME *.py ; | >x`:           {"$HOME", "*.py", ";", "|", ">x"},
	} {
		got, err := shellwords.Split(in)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", in, err, diff)
		}
	}
	for _, in := range []string{`a "b`, `a 'b`, `a\`, `"a\"`} {
		if got, err := shellwords.Split(in); err == nil || strings.Contains(err.Error(), "b") && strings.Contains(err.Error(), in) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
