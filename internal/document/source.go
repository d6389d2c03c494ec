package document

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// A place is where a character stands, from 1. Lines end with a line feed.
type place struct{ line, column int }

// placeOf returns where n begins.
func placeOf(n *Node) place { return place{n.Line, n.Column} }

// A source is the text of a file, without its byte order mark.
type source struct {
	text   []byte
	marked bool  // it had a byte order mark
	lines  []int // the offset of the first byte of each line

	last      int // the offset that was asked for last,
	lastPlace place
}

func newSource(data []byte) *source {
	text, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	s := &source{text: text, marked: marked, lines: []int{0}, lastPlace: place{1, 1}}
	for i, b := range text {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// place returns the place of an offset. It counts on from the offset that was
// asked for before, since a file may be a single line.
func (s *source) place(offset int) place {
	offset = min(max(offset, 0), len(s.text))
	line := sort.SearchInts(s.lines, offset+1)
	from, column := s.lines[line-1], 1
	if line == s.lastPlace.line && s.last <= offset {
		from, column = s.last, s.lastPlace.column
	}
	s.last, s.lastPlace = offset, place{line, column + utf8.RuneCount(s.text[from:offset])}
	return s.lastPlace
}

// end returns the place behind the last character.
func (s *source) end() place { return s.place(len(s.text)) }

// line returns the text of a line, without its end.
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
