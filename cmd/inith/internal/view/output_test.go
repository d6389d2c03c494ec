package view_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/terminal"
)

// TestScreenLogger shows warnings above the rows, as sentences, and leaves information to the rows.
func TestScreenLogger(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &view.Screen{W: &out, Size: func() (int, int) { return 80, 24 }}
	log := s.Logger().With("path", "/x")
	log.Warn("before the rows")
	rows := s.Rows()
	err := rows.Draw([]terminal.Row{{Mark: "…", Text: "row"}})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not shown")
	log.Warn("not written", slog.Any("err", errors.New("disk full")), slog.Int("attempt", 2))
	want := "inith: before the rows (path /x)\n" +
		"\r\x1b[2K… row\n" +
		"\x1b[1A\r\x1b[Jinith: not written: disk full (path /x, attempt 2)\n" +
		"\r\x1b[2K… row\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	if got := view.Count(1, "file") + ", " + view.Count(2, "file"); got != "1 file, 2 files" {
		t.Errorf("got %q", got)
	}
}
