package terminal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/inith/inith/internal/terminal"
)

func TestDrawReplacesWhatWasDrawn(t *testing.T) {
	var b strings.Builder
	rows := terminal.New(&b, func() (int, int) { return 12, 24 }, true)
	two := []terminal.Row{{Mark: "…", Color: terminal.Yellow, Text: "short"}, {Mark: "x", Text: "too long for it"}}
	for range 2 {
		if err := rows.Draw(two); err != nil {
			t.Fatal(err)
		}
	}
	const once = "\r\x1b[2K\x1b[33m…\x1b[0m short\n\r\x1b[2Kx too long…\n"
	if got, want := b.String(), once+"\x1b[2A"+once; got != want {
		t.Errorf("drew %q, want %q", got, want)
	}
}

func TestDrawWithoutColor(t *testing.T) {
	var b strings.Builder
	if err := terminal.New(&b, func() (int, int) { return 80, 24 }, false).Draw([]terminal.Row{{Mark: "✓", Color: terminal.Green, Text: "ready"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "\r\x1b[2K✓ ready\n"; got != want {
		t.Errorf("drew %q, want %q", got, want)
	}
}

func TestDrawMoreRowsThanTheTerminalHas(t *testing.T) {
	var b strings.Builder
	rows := make([]terminal.Row, 50)
	if err := terminal.New(&b, func() (int, int) { return 80, 10 }, false).Draw(rows); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "\n"); got != 9 || !strings.Contains(b.String(), "42 more") {
		t.Errorf("drew %d rows, want 9 with the rest counted: %q", got, b.String())
	}
}

// TestPrintKeepsTheRows prints before anything is drawn, and above what is.
func TestPrintKeepsTheRows(t *testing.T) {
	var b strings.Builder
	rows := terminal.New(&b, func() (int, int) { return 80, 24 }, false)
	const drawn = "\r\x1b[2K* one\n\r\x1b[2K* two\n"
	err := errors.Join(rows.Print("first"), rows.Draw([]terminal.Row{{Mark: "*", Text: "one"}, {Mark: "*", Text: "two"}}), rows.Print("second"))
	if got, want := b.String(), "\r\x1b[Jfirst\n"+drawn+"\x1b[2A\r\x1b[Jsecond\n"+drawn; got != want || err != nil {
		t.Errorf("wrote %q, %v; want %q", got, err, want)
	}
}
