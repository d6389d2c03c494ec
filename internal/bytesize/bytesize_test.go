package bytesize_test

import (
	"testing"

	"github.com/inith/inith/internal/bytesize"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		want string
	}{{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1610612736, "1.5 GiB"}, {1000 << 20, "1.0 GiB"}, {5 << 50, "5120.0 TiB"}} {
		if got := bytesize.Text(tt.n); got != tt.want {
			t.Errorf("Text(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want int64 // zero: an error
	}{
		{"512MiB", 512 << 20},
		{"1.5GB", 1_500_000_000},
		{"100B", 100},
		{"100", 0},
		{"", 0},
		{"MB", 0},
		{"-1MB", 0},
		{"0MB", 0},
		{"1XB", 0},
		{"nanMB", 0},
		{"infMB", 0},
		{"1MiBB", 0},
	} {
		got, err := bytesize.Parse(tt.s)
		if got != tt.want || (err == nil) == (tt.want == 0) {
			t.Errorf("Parse(%q) = %d, %v; want %d", tt.s, got, err, tt.want)
		}
	}
}
