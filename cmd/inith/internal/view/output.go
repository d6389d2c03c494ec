// Package view shows a person, or a log, how work is going: on a terminal a row for each target, file or step, elsewhere
// log lines.
package view

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/inith/inith/internal/terminal"
)

// Heartbeat is the time between two log lines while nothing changes.
const Heartbeat = 15 * time.Second

const redraw = 100 * time.Millisecond // between two drawings

// An Output is where a job speaks.
type Output struct {
	Log            *slog.Logger
	Lines          *slog.Logger // the log where no rows are drawn
	Stdout, Stderr *os.File
	Screen         *Screen // nil unless stderr is a terminal that can redraw
}

// Live reports whether somebody watches rows on a terminal.
func (o Output) Live() bool { return o.Screen != nil }

// WithoutRows returns the output of what draws no rows.
func (o Output) WithoutRows() Output {
	o.Screen, o.Log = nil, o.Lines
	return o
}

// Say writes a sentence for a person.
func (o Output) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stderr, "inith: "+format+"\n", args...)
}

// A Screen is a terminal on which rows are drawn. What is logged meanwhile stands above them.
type Screen struct {
	W     io.Writer
	Size  func() (width, height int)
	Color bool

	rows atomic.Pointer[terminal.Rows]
}

// Rows returns rows to draw on.
func (s *Screen) Rows() *terminal.Rows {
	rows := terminal.New(s.W, s.Size, s.Color)
	s.rows.Store(rows)
	return rows
}

// Write writes a line above the rows.
func (s *Screen) Write(line []byte) (int, error) {
	rows := s.rows.Load()
	if rows == nil {
		return s.W.Write(line)
	}
	return len(line), rows.Print(strings.TrimRight(string(line), "\n"))
}

// Logger returns a log of warnings and errors above the rows: the rows show the rest.
func (s *Screen) Logger() *slog.Logger {
	return slog.New(&plainHandler{w: s, prefix: "inith: "})
}

// A plainHandler writes a record as a line for people: its message and its attributes, without the time.
type plainHandler struct {
	w      io.Writer
	prefix string
	attrs  []slog.Attr
}

func (*plainHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	_, err := io.WriteString(h.w, h.prefix+plain(r, h.attrs)+"\n")
	return err
}

func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &plainHandler{w: h.w, prefix: h.prefix, attrs: slices.Concat(h.attrs, attrs)}
}

func (h *plainHandler) WithGroup(string) slog.Handler { return h }

// plain writes a record as "message: err (key value, key value)".
func plain(r slog.Record, attrs []slog.Attr) string {
	text := r.Message
	var others []string
	add := func(a slog.Attr) bool {
		switch {
		case a.Key == "err":
			text += ": " + a.Value.String()
		case a.Value.String() != "":
			others = append(others, a.Key+" "+a.Value.String())
		}
		return true
	}
	for _, a := range attrs {
		add(a)
	}
	r.Attrs(add)
	if len(others) > 0 {
		text += " (" + strings.Join(others, ", ") + ")"
	}
	return text
}

// Seconds is a duration in a log: a number of seconds, to the millisecond.
func Seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e3) / 1e3 }

// Count writes "1 file", "2 files".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
