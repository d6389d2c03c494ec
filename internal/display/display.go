// Package display draws rows on a terminal and redraws them in place.
package display

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Color is a color of a mark.
type Color int

// The colors. The zero Color is the terminal's own.
const (
	Plain Color = iota
	Green
	Yellow
	Red
)

// A Row is one line: a mark of one character, and a text.
type Row struct {
	Mark  string
	Color Color
	Text  string
}

// Rows are drawn one below the other. They are for a single goroutine.
type Rows struct {
	w     io.Writer
	width func() int // of the terminal, in columns
	color bool
	drawn int
}

// New returns rows on the terminal behind w.
func New(w io.Writer, width func() int, color bool) *Rows {
	return &Rows{w: w, width: width, color: color}
}

// Draw replaces what was drawn before. Rows are cut at the width of the terminal,
// since a wrapped one could not be replaced. It is written at once, so that it
// does not flicker.
func (r *Rows) Draw(rows []Row) error {
	var b strings.Builder
	if r.drawn > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(r.drawn) + "A")
	}
	width := r.width()
	for _, row := range rows {
		b.WriteString("\r\x1b[2K" + r.mark(row) + " " + cut(row.Text, width-3) + "\n")
	}
	r.drawn = len(rows)
	_, err := io.WriteString(r.w, b.String())
	return err
}

func (r *Rows) mark(row Row) string {
	if !r.color || row.Color == Plain {
		return row.Mark
	}
	code := map[Color]string{Green: "32", Yellow: "33", Red: "31"}[row.Color]
	return "\x1b[" + code + "m" + row.Mark + "\x1b[0m"
}

// cut shortens s to width columns, one a character.
func cut(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
