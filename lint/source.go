package lint

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/inith/inith/internal/diag"
)

// A source is the file that a Pod is in.
type source struct {
	path  string
	marks marks
	lines *lines
}

// Lines are those of a file. They are found when a finding needs one.
type lines struct {
	data   []byte
	starts []int // where each begins
}

// line returns a line without its end, nil if there is none; the first is 1.
func (l *lines) line(n int) []byte {
	if l.starts == nil {
		l.starts = append(l.starts, 0)
		for i, b := range l.data {
			if b == '\n' {
				l.starts = append(l.starts, i+1)
			}
		}
	}
	if n < 1 || n > len(l.starts) {
		return nil
	}
	text, _, _ := bytes.Cut(l.data[l.starts[n-1]:], []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r"))
}

// offset returns where a position is in the file, in bytes; the end of the file if there is no such line.
func (l *lines) offset(at diag.Position) int {
	text := string(l.line(at.Line))
	if at.Line < 1 || at.Line > len(l.starts) {
		return len(l.data)
	}
	start := l.starts[at.Line-1]
	for i := range text {
		if at.Column--; at.Column < 1 {
			return start + i
		}
	}
	return start + len(text)
}

// from returns the rest of a line.
func (l *lines) from(at diag.Position) string {
	text := string(l.line(at.Line))
	return text[min(len(text), max(0, l.offset(at)-l.offset(diag.Position{Line: at.Line, Column: 1}))):]
}

// hasCarriageReturn reports whether a line ends as Windows writes it.
func (l *lines) hasCarriageReturn(n int) bool {
	end := l.offset(diag.Position{Line: n, Column: len(l.line(n)) + 1})
	return bytes.HasPrefix(l.data[end:], []byte("\r\n"))
}

// position returns where a statement of a script is in the file, if the script is a block with a line for each of its own:
// after |, not after > or in quotes.
func (p program) position(pos syntax.Pos) (line, column int, known bool) {
	if p.script == nil || !pos.IsValid() || p.text.node == nil {
		return 0, 0, false
	}
	at := p.text.node.Position()
	if header := []rune(string(p.lines.line(at.Line))); at.Column > len(header) || header[at.Column-1] != '|' {
		return 0, 0, false
	}
	own, written := lineOf(p.text.text(), int(pos.Line())), string(p.lines.line(at.Line+int(pos.Line())))
	before := int(pos.Col()) - 1
	indentation, same := strings.CutSuffix(written, own)
	if !same || before > len(own) {
		return 0, 0, false
	}
	return at.Line + int(pos.Line()), utf8.RuneCountInString(indentation+own[:before]) + 1, true
}

// lineOf returns a line of a text; the first is 1.
func lineOf(text string, n int) string {
	for line := range strings.Lines(text) {
		if n--; n == 0 {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

// isBoolean reports whether a string is one such as yes without quotes, which the parser of Kubernetes takes for a boolean:
// it reads YAML 1.1.
func (l *lines) isBoolean(text string, at diag.Position) bool {
	if !slices.Contains([]string{
		"y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF",
	}, text) {
		return false
	}
	characters := []rune(string(l.line(at.Line)))
	return at.Column <= len(characters) && characters[at.Column-1] == rune(text[0])
}
