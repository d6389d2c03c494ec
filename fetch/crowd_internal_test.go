package fetch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inith/inith/fetch/source"
)

// TestInterleave holds that small files come beside large ones, and that none is lost.
func TestInterleave(t *testing.T) {
	t.Parallel()
	for sizes, want := range map[string]string{
		"":                    "",
		"1 1":                 "1 1",
		"9 3 2 1":             "9 3 2 1",
		"9 8":                 "9 8",
		"9 8 3 2 1":           "9 8 3 2 1",
		"9 8 7 6 5 4 3 2 1 0": "9 8 7 3 6 2 5 1 4 0",
	} {
		var files []*member
		for s := range strings.FieldsSeq(sizes) {
			files = append(files, &member{Object: source.Object{Size: int64(s[0] - '0')}})
		}
		var got []string
		for _, m := range interleave(files, func(m *member) bool { return m.Size > 3 }) {
			got = append(got, fmt.Sprint(m.Size))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s become %s, want %s", sizes, got, want)
		}
	}
}
