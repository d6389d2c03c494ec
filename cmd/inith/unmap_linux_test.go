package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestParseMapping(t *testing.T) {
	t.Parallel()
	tests := map[string]mapping{
		"00400000-0126f000 r-xp 00000000 fd:00 131 /usr/bin/inith\n":               {0x400000, 0x126f000, false, true, "/usr/bin/inith"},
		"0218d000-02245000 rw-p 01d8d000 fd:00 131   /a directory/inith (deleted)": {0x218d000, 0x2245000, true, false, "/a directory/inith (deleted)"},
		"7f00-7f01 rw-p 00000000 00:00 0 \n":                                       {},
		"no-hex r-xp 00000000 fd:00 131 /usr/bin/inith":                            {},
		"": {},
	}
	for line, want := range tests {
		if got := parseMapping(line); got != want {
			t.Errorf("%q: got %+v, want %+v", line, got, want)
		}
	}
}

// TestUnmapBinary holds a process to work as before with fewer pages of its binary in memory. It is not parallel: other
// tests would map pages meanwhile.
func TestUnmapBinary(t *testing.T) { //nolint:paralleltest // see above
	for _, code := range []bool{false, true} {
		dropped := false
		for range 10 { // in other tests, commands unmap pages too, at any time
			_ = mainHelp() // maps pages
			before := filePages(t)
			unmapBinary(code)
			dropped = dropped || filePages(t) < before
		}
		if !dropped {
			t.Errorf("code %t: as much of files is in memory as before", code)
		}
	}
	if got := strconv.Quote(strings.ToUpper("works")); got != `"WORKS"` {
		t.Errorf("got %s", got)
	}
}

// filePages returns how much of files is in the memory of this process, in kB.
func filePages(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "RssFile:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
