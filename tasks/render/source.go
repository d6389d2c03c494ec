package render

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/usererr"
)

// A source is a file that was read. Its path and text give an offset its position.
type source struct{ path, text string }

// problem is one at an offset.
func (s source) problem(offset int, message, hint string) *diag.Error {
	return &diag.Error{Position: s.position(offset), Message: message, Hint: hint}
}

func (s source) position(offset int) diag.Position {
	before := s.text[:min(max(offset, 0), len(s.text))]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return diag.Position{File: s.path, Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(line)}
}

// offset returns the offset of a position.
func (s source) offset(p diag.Position) int {
	start := s.at(p.Line, 0)
	column := 0
	for i := range s.text[start:] {
		if column++; column == p.Column {
			return start + i
		}
	}
	return len(s.text)
}

// at returns the offset of the byte that follows a number of bytes in a line, from 1.
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

// wrong returns the error of a function about its arguments.
func wrong(format string, args ...any) *usererr.Error {
	return &usererr.Error{Text: fmt.Sprintf(format, args...)}
}
