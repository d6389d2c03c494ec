package lint

import (
	"bytes"
	"slices"

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
