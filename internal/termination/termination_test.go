package termination_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inith/inith/internal/termination"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "termination-log")
	if err := termination.Write(path, "x"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("err = %v: a missing file must not be created", err)
	}
	if err := os.WriteFile(path, []byte("an older and longer message"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ message, want string }{
		{"db not ready\n", "db not ready"},
		{strings.Repeat("é", 3000), strings.Repeat("é", 2046) + "…"},
		{strings.Repeat("x", 4096), strings.Repeat("x", 4096)},
	} {
		if err := termination.Write(path, tt.message); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tt.want || len(got) > 4096 || !utf8.Valid(got) {
			t.Errorf("wrote %d bytes %.40q, want %d bytes %.40q", len(got), got, len(tt.want), tt.want)
		}
	}
}
