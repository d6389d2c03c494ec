package excerpt

import (
	"bytes"
	"strings"

	"github.com/inith/inith/internal/document"
)

// leadingKeys returns the words at the start of lines that look like keys, in a file that is not well-formed. It
// returns none where they could be part of a value.
func leadingKeys(format document.Format, lines [][]byte) map[int]string {
	switch format {
	case document.YAML:
		return yamlKeys(lines)
	case document.TOML, document.Dotenv, document.KubeEnv:
		return pairKeys(lines)
	default:
		return nil
	}
}

// yamlKeys omits lines that may continue a value: those indented more than the start of the value, those up to a closing
// quote, and those of a block scalar.
func yamlKeys(lines [][]byte) map[int]string {
	all := map[int]string{}
	l := &yamlLead{value: none, owner: root}
	for i, raw := range lines {
		line := string(bytes.TrimRight(raw, "\r"))
		text := strings.TrimLeft(line, " \t")
		if key := l.key(text, len(line)-len(text)); key != "" {
			all[i+1] = key
		}
	}
	return all
}

// Indentations that no line has.
const (
	none = -2
	root = -1 // of the value that a document is
)

// A yamlLead is the state between two lines of a malformed YAML file.
type yamlLead struct {
	quote string // that is open
	value int    // lines indented more than this may continue a value
	owner int    // the indentation of the key whose value begins in the next line
}

// key returns the key at the start of a line, or "".
func (l *yamlLead) key(text string, indent int) string {
	switch {
	case l.quote != "":
		if after, closed := closeQuote(text, l.quote); closed {
			l.quote, l.value = openQuote(after), min(l.value, indent)
		}
		return ""
	case text == "":
		return ""
	case indent == 0 && isMarker(text):
		*l = yamlLead{value: none, owner: root}
		text = strings.TrimLeft(text[len("---"):], " \t")
		if text == "" {
			return ""
		}
	case l.value != none && indent > l.value:
		return ""
	}
	key, rest := yamlKey(text)
	l.value, l.owner = l.begins(text, key, rest, indent)
	l.quote = openQuote(rest)
	return key
}

// begins returns what a line leaves open.
func (l *yamlLead) begins(text, key, rest string, indent int) (value, owner int) {
	nested := indent + len(text) - len(strings.TrimLeft(text, "- "))
	switch {
	case key != "" && rest == "":
		return none, nested
	case key != "":
		return nested, none
	case text[0] == '#':
		return indent, l.owner
	case l.owner != none && l.owner < indent && (isBlockHeader(text) || l.owner != root && text[0] != '-'):
		return l.owner, none // the value of the key above
	default:
		return indent, none
	}
}

// isMarker reports whether a line begins or ends a document.
func isMarker(text string) bool {
	return (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")) && (len(text) == 3 || text[3] == ' ' || text[3] == '\t')
}

// isBlockHeader reports whether a line begins a block scalar, behind its tag or anchor.
func isBlockHeader(text string) bool {
	for text != "" && (text[0] == '!' || text[0] == '&') {
		_, rest, _ := strings.Cut(text, " ")
		text = strings.TrimLeft(rest, " \t")
	}
	return text != "" && (text[0] == '|' || text[0] == '>')
}

// closeQuote returns what follows the closing quote of a value.
func closeQuote(text, quote string) (after string, closed bool) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == `"`:
			i++
		case text[i] == quote[0]:
			return text[i+1:], true
		}
	}
	return "", false
}

// yamlKey splits a line into a key, with its colon, and the rest. Without a key, the rest is the whole line.
func yamlKey(text string) (key, rest string) {
	word := strings.TrimLeft(text, "- ")
	lead := text[:len(text)-len(word)]
	end := keyLength(word)
	if end == 0 || lead != "" && !strings.HasPrefix(lead, "- ") {
		return "", text
	}
	switch rest := word[end:]; {
	case rest == ":":
		return lead + word[:end] + rest, ""
	case strings.HasPrefix(rest, ": "):
		return lead + word[:end] + ": ", strings.TrimLeft(rest[2:], " \t")
	}
	return "", text
}

// keyLength returns the length of the key at the start of s, or 0.
func keyLength(s string) int {
	end := 0
	for end < len(s) && keyByte(s[end], end) {
		end++
	}
	if end > maxKey {
		return 0
	}
	return end
}

// pairKeys returns the keys of lines such as key = value, up to the first line that is neither one, nor empty, a
// comment or a header. It returns none for a file with an odd number of quotes, because it is unknown what is inside
// them.
func pairKeys(lines [][]byte) map[int]string {
	all := map[int]string{}
	var double, single int
	for _, raw := range lines {
		double += bytes.Count(raw, []byte(`"`))
		single += bytes.Count(raw, []byte("'"))
	}
	if double%2+single%2 > 0 {
		return nil
	}
	for i, raw := range lines {
		text := strings.Trim(string(bytes.TrimRight(raw, "\r")), " \t")
		if text == "" || text[0] == '#' || text[0] == '[' && strings.HasSuffix(text, "]") && !strings.ContainsAny(text, `"'`) {
			continue
		}
		key, value := pairKey(text)
		if key == "" || strings.Count(value, `"`)%2+strings.Count(value, "'")%2 > 0 || strings.Contains(value, `""`) || strings.Contains(value, "''") {
			break
		}
		all[i+1] = key
	}
	return all
}

// pairKey splits a line into a key, with its equals sign, and the value.
func pairKey(text string) (key, value string) {
	end := keyLength(text)
	before, rest, ok := strings.Cut(text[end:], "=")
	value = strings.TrimLeft(rest, " ")
	if end == 0 || !ok || strings.Trim(before, " ") != "" || value == "" || value[0] == '=' {
		return "", text // the end of base64 looks like a key without a value
	}
	return text[:len(text)-len(value)], value
}

// openQuote returns the quote that a line leaves open, or "".
func openQuote(text string) string {
	open := ""
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && open == `"`:
			i++
		case text[i] != '"' && text[i] != '\'':
		case open == "" && (i == 0 || strings.IndexByte(" \t:[{,-(", text[i-1]) >= 0):
			open = text[i : i+1]
		case open != "" && text[i] == open[0]:
			open = ""
		}
	}
	return open
}
