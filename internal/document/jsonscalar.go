package document

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// word reads true, false or null.
func (j *jsonReader) word(at diag.Position) *Node {
	rest := j.all[j.pos:]
	end := 0
	for end < len(rest) && ('a' <= rest[end]|0x20 && rest[end]|0x20 <= 'z') {
		end++
	}
	kind := Bool
	switch rest[:end] {
	case "null":
		kind = Null
	case "true", "false":
	case "True", "False", "None", "TRUE", "FALSE", "NULL":
		return j.fail(j.pos, "JSON writes true, false and null in lower case", "")
	case "":
		return j.noValue()
	default:
		return j.fail(j.pos, "not a value", "write strings in double quotes")
	}
	j.pos += end
	return j.node(kind, rest[:end], at)
}

func (j *jsonReader) noValue() *Node {
	switch c := j.peek(); {
	case j.pos >= len(j.text):
		return j.fail(j.pos, "unexpected end of file, want a value", "")
	case c == '\'':
		return j.fail(j.pos, "a string in single quotes", "use double quotes")
	case c == ',' || c == ']' || c == '}':
		return j.fail(j.pos, "a value is missing", "")
	default:
		return j.fail(j.pos, "not a value", "")
	}
}

// number reads -? (0 | [1-9] [0-9]*) (. [0-9]+)? ([eE] [-+]? [0-9]+)?
func (j *jsonReader) number(at diag.Position) *Node {
	start := j.pos
	kind := Int
	if j.peek() == '-' {
		j.pos++
	}
	whole := j.digits()
	ok := len(whole) == 1 || len(whole) > 1 && whole[0] != '0'
	if j.peek() == '.' {
		j.pos++
		kind = Float
		ok = ok && len(j.digits()) > 0
	}
	if j.peek()|0x20 == 'e' {
		j.pos++
		kind = Float
		if c := j.peek(); c == '+' || c == '-' {
			j.pos++
		}
		ok = ok && len(j.digits()) > 0
	}
	if c := j.peek(); !ok || c == '_' || c == '.' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' {
		return j.fail(start, "not a valid JSON number", "write no leading zeros and no +, and digits on both sides of the point")
	}
	return j.node(kind, j.all[start:j.pos], at)
}

func (j *jsonReader) digits() []byte {
	start := j.pos
	for '0' <= j.peek() && j.peek() <= '9' {
		j.pos++
	}
	return j.text[start:j.pos]
}

// string reads a string.
func (j *jsonReader) string() *Node {
	start := j.pos
	at := j.source.position(start)
	j.pos++
	var text strings.Builder
	for {
		plain := bytes.IndexFunc(j.text[j.pos:], func(c rune) bool { return c == '"' || c == '\\' || c < ' ' })
		if plain < 0 {
			return j.fail(start, "the closing quote of the string is missing", "close it with \"")
		}
		part := j.all[j.pos : j.pos+plain]
		j.pos += plain
		switch c := j.peek(); {
		case c == '"' && text.Len() == 0:
			j.pos++
			return j.node(String, part, at)
		case c == '"':
			text.WriteString(part)
			j.pos++
			return j.node(String, text.String(), at)
		case c == '\n' || c == '\r':
			return j.fail(start, "a string without a closing quote on its line", "close it with \", or write \\n")
		case c != '\\':
			return j.fail(j.pos, "a control character in a string", "write it as an escape, such as \\t")
		}
		text.WriteString(part)
		c, ok := j.escape()
		if !ok {
			return nil
		}
		text.WriteRune(c)
	}
}

// escape reads an escape. An unpaired surrogate becomes U+FFFD, as in encoding/json.
func (j *jsonReader) escape() (rune, bool) {
	const letters, means = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	start := j.pos
	if j.pos+1 < len(j.text) {
		c := j.text[j.pos+1]
		if i := strings.IndexByte(letters, c); i >= 0 {
			j.pos += 2
			return rune(means[i]), true
		}
	}
	c, ok := j.unicode()
	if !ok {
		j.fail(start, "an unknown escape in a string", `write \\ for a backslash`)
		return 0, false
	}
	if !utf16.IsSurrogate(c) {
		return c, true
	}
	second := j.pos
	if low, ok := j.unicode(); ok {
		if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
			return pair, true
		}
	}
	j.pos = second
	return utf8.RuneError, true
}

// unicode reads \u and four hexadecimal digits.
func (j *jsonReader) unicode() (rune, bool) {
	rest := j.text[j.pos:]
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(rest[2:6]), 16, 16)
	if err != nil {
		return 0, false
	}
	j.pos += 6
	return rune(n), true
}
