package validate

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
	case document.TOML, document.Dotenv:
		return pairKeys(lines)
	default:
		return nil
	}
}

// yamlKeys omits lines that may continue a value: those indented more than a line with a value, and those up to a
// closing quote.
func yamlKeys(lines [][]byte) map[int]string {
	all := map[int]string{}
	value, quote := -1, "" // the indentation of what has a value; the quote that is open
	for i, raw := range lines {
		line := string(bytes.TrimRight(raw, "\r"))
		text := strings.TrimLeft(line, " \t")
		indent := len(line) - len(text)
		switch {
		case quote != "":
			if _, after, closed := strings.Cut(text, quote); closed {
				quote, value = openQuote(after), min(value, indent)
			}
			continue
		case text == "" || value >= 0 && indent > value:
			continue
		}
		key, rest := yamlKey(text)
		if key != "" {
			all[i+1] = key
		}
		value = -1
		switch {
		case key == "":
			value = indent
		case rest != "":
			value = indent + len(text) - len(strings.TrimLeft(text, "- "))
		}
		quote = openQuote(rest)
	}
	return all
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
