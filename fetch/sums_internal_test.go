package fetch

import (
	"strings"
	"testing"
)

func TestParseSums(t *testing.T) {
	sum, long := strings.Repeat("ab", 32), strings.Repeat("cd", 64)
	for _, tt := range []struct {
		list     string
		isBlake3 bool
		want     string // "": none
	}{
		{sum + "  model.bin\n", false, "sha256:" + sum},
		{sum + " *model.bin\r\n", false, "sha256:" + sum},
		{strings.ToUpper(sum) + "  dist/model.bin", false, "sha256:" + sum},
		{strings.Repeat("00", 32) + "  other.bin\n" + long + "  model.bin\n", false, "sha512:" + long},
		{"SHA256 (model.bin) = " + sum, false, "sha256:" + sum},
		{"BLAKE3 (model.bin) = " + sum, false, "blake3:" + sum},
		{sum + "  model.bin\n", true, "blake3:" + sum},
		{sum, false, "sha256:" + sum},
		{sum + "\n" + sum, false, ""},
		{"MD5 (model.bin) = " + sum[:32], false, ""},
		{sum[:32] + "  model.bin", false, ""},
		{"<html>model.bin</html>", false, ""},
		{"", false, ""},
	} {
		got, err := parseSums([]byte(tt.list), "model.bin", tt.isBlake3)
		if got.String() != tt.want || (err == nil) == (tt.want == "") {
			t.Errorf("%q: %v, %v; want %q", tt.list, got, err, tt.want)
		}
	}
}
