// Package terminal draws rows on a terminal and redraws them in place.
package terminal

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	Minor bool // cut first where the terminal has too few rows
}

// Rows are drawn one below the other. Several goroutines may use them.
type Rows struct {
	w     io.Writer
	size  func() (width, height int) // of the terminal, in columns and rows
	color bool

	mu    sync.Mutex // of what follows
	drawn int
	last  []Row
}

// New returns rows on the terminal behind w.
func New(w io.Writer, size func() (width, height int), color bool) *Rows {
	return &Rows{w: w, size: size, color: color}
}

// Draw replaces what was drawn before. It cuts what does not fit the terminal, since it could not replace that, and
// writes everything at once, so that nothing flickers.
func (r *Rows) Draw(rows []Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draw(rows)
}

func (r *Rows) draw(rows []Row) error {
	var b strings.Builder
	if r.drawn > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(r.drawn) + "A")
	}
	r.last = rows
	width, height := r.size()
	maximum := max(1, height-1)
	if len(rows) > maximum {
		more := Row{Mark: "…", Text: strconv.Itoa(len(rows)-maximum+1) + " more"}
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(rank(a), rank(b)) })
		rows = append(rows[:maximum-1], more)
	}
	for _, row := range rows {
		b.WriteString("\r\x1b[2K" + r.mark(row) + " " + Cut(row.Text, max(1, width-3)) + "\n")
	}
	r.drawn = len(rows)
	_, err := io.WriteString(r.w, b.String())
	return err
}

// Print writes a line above the rows, which stay.
func (r *Rows) Print(line string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	erase := "\r\x1b[J"
	if r.drawn > 0 {
		erase = "\x1b[" + strconv.Itoa(r.drawn) + "A" + erase
	}
	_, err := io.WriteString(r.w, erase+line+"\n")
	if err != nil {
		return err
	}
	r.drawn = 0
	if r.last == nil {
		return nil
	}
	return r.draw(r.last)
}

func rank(r Row) int {
	if r.Minor {
		return 1
	}
	return 0
}

func (r *Rows) mark(row Row) string {
	if !r.color || row.Color == Plain {
		return row.Mark
	}
	code := map[Color]string{Green: "32", Yellow: "33", Red: "31"}[row.Color]
	return "\x1b[" + code + "m" + row.Mark + "\x1b[0m"
}

// Cut shortens s to width columns, one a character, at its end.
func Cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
