package schema

import (
	"strings"
)

// translate converts a regular expression from JavaScript, which JSON Schema uses, to Go's syntax. It reports false
// if Go has no equivalent.
func translate(pattern string) (string, bool) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch {
		case rest[0] == '\\':
			text, size, ok := translateEscape(rest, inClass)
			if !ok {
				return "", false
			}
			b.WriteString(text)
			i += size
			continue
		case strings.HasPrefix(rest, "(?") && !inClass && !isGroup(rest):
			return "", false
		case strings.HasPrefix(rest, "[^]") && !inClass:
			b.WriteString(`[\x{0}-\x{10FFFF}]`)
			i += len("[^]")
			continue
		case rest[0] == '[' && inClass:
			b.WriteByte('\\')
		case rest[0] == '[' && !inClass:
			inClass = true
		case rest[0] == ']':
			inClass = false
		}
		b.WriteByte(rest[0])
		i++
	}
	return b.String(), true
}

// isGroup reports whether a group is one that only groups, or has a name.
func isGroup(rest string) bool {
	return strings.HasPrefix(rest, "(?:") ||
		strings.HasPrefix(rest, "(?<") && !strings.HasPrefix(rest, "(?<=") && !strings.HasPrefix(rest, "(?<!")
}

// spaces are the characters of \s in JavaScript.
const spaces = `\t\n\v\f\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}`

// translateEscape converts an escape, and returns its length in the pattern.
func translateEscape(rest string, inClass bool) (string, int, bool) {
	if len(rest) < 2 {
		return "", 0, false
	}
	switch c := rest[1]; {
	case c == 's' && inClass:
		return spaces, 2, true
	case c == 's':
		return "[" + spaces + "]", 2, true
	case c == 'S' && !inClass:
		return "[^" + spaces + "]", 2, true
	case strings.IndexByte("dDwWbBtnvfr", c) >= 0 && (c != 'b' || !inClass):
		return rest[:2], 2, true
	case c == 'b':
		return `\x08`, 2, true
	case c == 'S':
		return "", 0, false
	case c == 'p' || c == 'P':
		return translateProperty(rest)
	case c == 'c' && len(rest) > 2 && ('a' <= rest[2]|0x20 && rest[2]|0x20 <= 'z'):
		return `\x{` + hex(rest[2]&0x1F) + "}", 3, true
	case c == 'x' && len(rest) > 3:
		return `\x{` + rest[2:4] + "}", 4, true
	case c == 'u' && strings.HasPrefix(rest, `\u{`):
		end := strings.IndexByte(rest, '}')
		return `\x{` + rest[min(3, len(rest)):max(end, 3)] + "}", end + 1, end > 0
	case c == 'u' && len(rest) > 5:
		return `\x{` + rest[2:6] + "}", 6, true
	case c == '0' && (len(rest) == 2 || rest[2] < '0' || rest[2] > '9'):
		return `\x{0}`, 2, true
	case '0' <= c && c <= '9' || c == 'k':
		return "", 0, false
	case c < 0x80 && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", c) < 0:
		return `\` + string(rune(c)), 2, true
	}
	return "", 0, false
}

// translateProperty returns a property such as \p{Letter} or \p{Script=Greek}.
func translateProperty(rest string) (string, int, bool) {
	end := strings.IndexByte(rest, '}')
	if end < 0 || !strings.HasPrefix(rest[2:], "{") {
		return "", 0, false
	}
	name := rest[3:end]
	for _, prefix := range []string{"Script=", "sc=", "General_Category=", "gc="} {
		name = strings.TrimPrefix(name, prefix)
	}
	return rest[:2] + "{" + name + "}", end + 1, true
}

func hex(b byte) string { return string([]byte{"0123456789ABCDEF"[b>>4], "0123456789ABCDEF"[b&15]}) }
