package tail

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzState reads any state: positions are never negative, and their number is bounded.
func FuzzState(f *testing.F) {
	const head = `{"inith_logs":1}` + "\n"
	for _, seed := range []string{
		"", head, head + `{"dev":1,"ino":2,"path":"/x","offset":5,"start_bytes":3,"start_sum":"aa","tail_sum":"bb"}` + "\n",
		head + `{"dev":1,"ino":2,"offset":-5}` + "\n" + `{"dev":1,"in`, head + `{"dev":1,"ino":2}` + "\n" + `{"dev":1,"ino":2,"gone":true}`, `{"inith_logs":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := readState(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(entries) > bytes.Count(b, []byte{'\n'})+1 {
			t.Errorf("%d files in %d bytes", len(entries), len(b))
		}
		for id, e := range entries {
			if e.ID != id || e.Offset < 0 || e.Start < 0 || e.Start > startSize || e.Gone {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestTornState leaves out what a killed process has not written whole.
func TestTornState(t *testing.T) {
	t.Parallel()
	entries, err := readState(strings.NewReader(`{"inith_logs":1}
{"dev":1,"ino":2,"offset":5}
{"dev":1,"ino":3,"offset":5}
{"dev":1,"ino":2,"offset":9}
{"dev":1,"ino":3,"gone":true}
{"dev":1,"ino":2,"off`))
	if err != nil || len(entries) != 1 || entries[ID{1, 2}].Offset != 9 {
		t.Errorf("%+v, %v", entries, err)
	}
}
