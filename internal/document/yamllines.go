package document

import (
	"slices"
	"unicode/utf8"
)

// yamlLines translates the parser's lines and columns to offsets. To the parser, a carriage return, U+0085, U+2028
// and U+2029 end a line too, unlike in editors.
type yamlLines struct {
	text   []byte
	starts []int // the offset of the first byte of each line

	line, column, offset int // of the last call
}

// offsetOf returns the offset of a character. It continues from the previous one, because a file may be one long
// line.
func (l *yamlLines) offsetOf(line, column int) int {
	if line < 1 || line > len(l.starts) {
		return len(l.text) * min(max(line, 0), 1)
	}
	if line != l.line || column < l.column {
		l.line, l.column, l.offset = line, 1, l.starts[line-1]
	}
	for ; l.column < column && l.offset < len(l.text); l.column++ {
		_, size := utf8.DecodeRune(l.text[l.offset:])
		l.offset += size
	}
	return l.offset
}

func newYAMLLines(text []byte) *yamlLines {
	starts := []int{0}
	for i, c := range string(text) {
		next := i + utf8.RuneLen(c)
		if c == '\r' && next < len(text) && text[next] == '\n' {
			continue
		}
		if slices.Contains([]rune{'\n', '\r', '\u0085', '\u2028', '\u2029'}, c) {
			starts = append(starts, next)
		}
	}
	return &yamlLines{text: text, starts: starts}
}
