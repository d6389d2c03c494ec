// Package shellwords splits a command line into words.
package shellwords

import (
	"errors"
	"strings"
)

// Split splits a command as a shell does, and does nothing else that a shell does:
// white space separates, quotes and backslashes keep together. Its errors quote
// nothing.
func Split(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun := false // '' is a word too
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
			continue
		case '\'', '"':
			quoted, length, ok := cutQuoted(s[i:])
			if !ok {
				return nil, errors.New("a quote is not closed")
			}
			word.WriteString(quoted)
			i += length - 1
		case '\\':
			i++
			if i == len(s) {
				return nil, errors.New("a backslash is the last character")
			}
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// cutQuoted returns what the quotes mean that s begins with, and the length of them
// and what is between. In double quotes, a backslash takes the meaning of the
// characters that have one.
func cutQuoted(s string) (quoted string, length int, ok bool) {
	if s[0] == '\'' {
		inside, _, ok := strings.Cut(s[1:], "'")
		return inside, len(inside) + 2, ok
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), i + 1, true
		case c == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
