package source

import (
	"strconv"
	"strings"
)

// between returns what stands between two strings, white space included.
func between(text, start, end string) string {
	_, after, _ := strings.Cut(text, start)
	value, _, _ := strings.Cut(after, end)
	return value
}

// unescapeXML returns the text of an element, and whether it is one: references to characters are replaced.
// https://www.w3.org/TR/xml/#sec-references
func unescapeXML(text string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String(), !strings.Contains(before, "<")
		}
		name, rest, ended := strings.Cut(after, ";")
		char, known := xmlCharacter(name)
		if !ended || !known || strings.Contains(before, "<") {
			return "", false
		}
		b.WriteRune(char)
		text = rest
	}
}

func xmlCharacter(name string) (rune, bool) {
	const bits = 21
	if char, known := map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}[name]; known {
		return char, true
	}
	digits, numeric := strings.CutPrefix(name, "#")
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, bits)
	return rune(n), numeric && err == nil && n > 0
}
