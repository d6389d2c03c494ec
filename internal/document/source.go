package document

import (
	"bytes"
	"sort"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// A source is the text of a file, without byte order marks at the beginning of lines.
type source struct {
	text  []byte
	marks []int // the lines that had one
	lines []int // the offset of the first byte of each line

	last         int // the offset that was asked for last,
	lastPosition diag.Position
}

func newSource(data []byte) *source {
	text, marks := withoutMarks(data)
	s := &source{text: text, marks: marks, lines: []int{0}, lastPosition: diag.Position{Line: 1, Column: 1}}
	for i, b := range text {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// withoutMarks removes the byte order marks at the beginning of lines, and returns those lines. One that is not at the
// beginning of the file was there before something was put in front of it, such as a comment or another file.
func withoutMarks(data []byte) (text []byte, marked []int) {
	mark := []byte("\ufeff")
	if !bytes.Contains(data, mark) {
		return data, nil
	}
	line := 0
	for l := range bytes.Lines(data) {
		line++
		rest := bytes.TrimPrefix(l, mark)
		if len(rest) < len(l) {
			marked = append(marked, line)
		}
		text = append(text, rest...)
	}
	return text, marked
}

// position returns the position of an offset. It continues from the previous offset, because a file may be one long
// line.
func (s *source) position(offset int) diag.Position {
	offset = min(max(offset, 0), len(s.text))
	line := sort.SearchInts(s.lines, offset+1)
	from, column := s.lines[line-1], 1
	if line == s.lastPosition.Line && s.last <= offset {
		from, column = s.last, s.lastPosition.Column
	}
	s.last, s.lastPosition = offset, diag.Position{Line: line, Column: column + utf8.RuneCount(s.text[from:offset])}
	return s.lastPosition
}

// end returns the position after the last character.
func (s *source) end() diag.Position { return s.position(len(s.text)) }

// line returns a line without its line break.
func (s *source) line(n int) []byte {
	if n < 1 || n > len(s.lines) {
		return nil
	}
	rest := s.text[s.lines[n-1]:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}
