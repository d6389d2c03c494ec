package classic_test

import (
	"testing"

	"github.com/inith/inith/sidecar/logs/internal/classic"
)

// FuzzParse parses any text: each key belongs to a section, and has its line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[SERVICE]\n  Flush 5\n", "# c\n[INPUT]\n\tName\ttail\n Path ${A}/${B\n", "@SET A=${A}\n@INCLUDE x\n[a]\nb ${A}${A}", "[", "x", "[x]\n${}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := classic.Reader{Lookup: func(string) (string, bool) { return "v", true }}
		_ = r.Parse("f", b, func(string) error { return nil })
		for _, s := range r.Sections {
			for _, e := range s.Entries {
				if e.At.Line <= s.At.Line || e.Key == "" {
					t.Errorf("%+v in %+v", e, s)
				}
			}
		}
	})
}
