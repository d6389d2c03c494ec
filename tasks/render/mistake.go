package render

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/usererr"
)

// A PlaceError is what is wrong at one place of a file. Its text is ours.
type PlaceError struct {
	Path         string
	Line, Column int // from 1; the column counts characters, and is zero where it is not known
	Reason       *usererr.Error
}

func (m *PlaceError) Error() string {
	switch {
	case m.Line == 0:
		return m.Path + ": " + m.Reason.Text
	case m.Column == 0:
		return fmt.Sprintf("%s:%d: %s", m.Path, m.Line, m.Reason.Text)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", m.Path, m.Line, m.Column, m.Reason.Text)
	}
}

func (m *PlaceError) Unwrap() error { return m.Reason }

// A source is a text with a name, whose offsets are places.
type source struct{ path, text string }

// mistake is one at an offset.
func (s source) mistake(offset int, text, hint string) *PlaceError {
	return s.because(offset, &usererr.Error{Text: text, Hint: hint})
}

func (s source) because(offset int, r *usererr.Error) *PlaceError {
	before := s.text[:min(max(offset, 0), len(s.text))]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return &PlaceError{
		Path: s.path, Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(line), Reason: r,
	}
}

// at returns the offset of a place that has a line from 1 and a number of bytes
// before it in that line.
func (s source) at(line, bytes int) int {
	offset := 0
	for range line - 1 {
		i := strings.IndexByte(s.text[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	return offset + bytes
}

func errTooLarge() *usererr.Error {
	return &usererr.Error{Text: "the result is larger than 64 MiB"}
}

// wrong is what a function says of what it was given.
func wrong(format string, args ...any) *usererr.Error {
	return &usererr.Error{Text: fmt.Sprintf(format, args...)}
}

// before reports whether m is nearer to the beginning of the file.
func (m *PlaceError) before(other *PlaceError) bool {
	return m.Line < other.Line || m.Line == other.Line && m.Column < other.Column
}
