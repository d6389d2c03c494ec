package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inith/inith/fetch"
)

func TestFetchRow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		status fetch.Status
		want   string
	}{
		{"half", fetch.Status{Size: 100, Done: 50, Phase: fetch.Fetching}, "[=====     ]  50 %"},
		{"content that came twice is no 200 %", fetch.Status{Size: 100, Done: 200, Phase: fetch.Fetching}, "[==========] 100 %"},
		{"a file of unknown size", fetch.Status{Size: -1, Done: 1 << 20, Phase: fetch.Fetching}, "1.0 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			row := fetchRow("model.bin", test.status, 0, 80)
			if !strings.Contains(row.Text, test.want) {
				t.Errorf("got %q, want %q in it", row.Text, test.want)
			}
			if n := utf8.RuneCountInString(row.Text); n > 77 {
				t.Errorf("%d columns of 80: %q", n, row.Text)
			}
		})
	}
}
