package document

import (
	"bytes"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// checkBytes finds bytes that are not valid in a text file. It reports whether the file can be parsed.
func (r *reading) checkBytes() bool {
	s := r.source
	if bytes.HasPrefix(s.text, []byte("\xff\xfe")) || bytes.HasPrefix(s.text, []byte("\xfe\xff")) {
		r.add(diag.Position{Line: 1, Column: 1}, ruleUTF8, "the file is UTF-16, not UTF-8", "save it as UTF-8")
		return false
	}
	for _, line := range s.marks {
		where := "the file"
		if line > 1 {
			where = "the line"
		}
		r.add(diag.Position{Line: line, Column: 1}, ruleBOM, where+" begins with a byte order mark, which many parsers read as part of the first key or value",
			"save it as UTF-8 without BOM")
	}
	if !utf8.Valid(s.text) {
		r.add(s.position(firstInvalid(s.text)), ruleUTF8, "invalid UTF-8", "save the file as UTF-8")
		return false
	}
	if i := bytes.IndexByte(s.text, 0); i >= 0 {
		r.add(s.position(i), ruleNUL, "a NUL byte", "write the file again: it is binary, or was truncated by a crash")
		return false
	}
	return true
}

func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}
