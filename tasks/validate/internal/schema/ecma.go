package schema

import (
	"strings"
)

// What Go's regular expressions lack, because it does not take bounded time, or because nobody needs it.
const (
	noLookahead     = "a lookahead, (?=…) or (?!…), is supported only at the beginning of a pattern, after ^"
	noLookbehind    = "a lookbehind, (?<=…) or (?<!…), is not supported"
	noBackReference = `a back reference, such as \1 or \k<name>, is not supported`
	noFlags         = "flags in a pattern, such as (?i), are not supported"
	noEscape        = "this escape sequence is not one of JavaScript's, or is not supported"
)

// translate converts a regular expression from JavaScript, which JSON Schema uses, to Go's syntax. If Go has no
// equivalent, it says what it lacks.
func translate(pattern string) (translated, unsupported string) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch {
		case rest[0] == '\\':
			text, size, ok := translateEscape(rest, inClass)
			if !ok {
				return "", wrongEscape(rest)
			}
			b.WriteString(text)
			i += size
			continue
		case strings.HasPrefix(rest, "(?") && !inClass && !isGroup(rest):
			return "", wrongGroup(rest)
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
	return b.String(), ""
}

func wrongEscape(rest string) string {
	if len(rest) > 1 && (rest[1] == 'k' || '1' <= rest[1] && rest[1] <= '9') {
		return noBackReference
	}
	return noEscape
}

func wrongGroup(rest string) string {
	switch {
	case strings.HasPrefix(rest, "(?<"):
		return noLookbehind
	case strings.HasPrefix(rest, "(?="), strings.HasPrefix(rest, "(?!"):
		return noLookahead
	default:
		return noFlags
	}
}

// isGroup reports whether a group is one that only groups, or has a name.
func isGroup(rest string) bool {
	return strings.HasPrefix(rest, "(?:") ||
		strings.HasPrefix(rest, "(?<") && !strings.HasPrefix(rest, "(?<=") && !strings.HasPrefix(rest, "(?<!")
}

// spaces are the characters of \s in JavaScript.
const spaces = `\t\n\v\f\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}`

// others are all characters but those.
const others = `\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}` +
	`\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}`

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
	case c == 'S' && inClass:
		return others, 2, true
	case c == 'S':
		return "[^" + spaces + "]", 2, true
	case strings.IndexByte("dDwWbBtnvfr", c) >= 0 && (c != 'b' || !inClass):
		return rest[:2], 2, true
	case c == 'b':
		return `\x08`, 2, true
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
