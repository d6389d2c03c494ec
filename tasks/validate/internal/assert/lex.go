package assert

import (
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// A tokenKind is a kind of token.
type tokenKind int

const (
	end    tokenKind = iota
	symbol           // ( ) [ ] , .. == != < <= > >=
	word             // a keyword, or a path
	number
	text // a string, without its quotes
)

// A token is a word of an assertion.
type token struct {
	kind   tokenKind
	value  string
	offset int
}

func (t token) is(value string) bool { return (t.kind == symbol || t.kind == word) && t.value == value }

const (
	digits  = "0123456789"
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
)

// lex splits an assertion into tokens, the last of which is end.
func lex(source string) ([]token, error) {
	var tokens []token
	for pos := 0; ; {
		pos += len(source[pos:]) - len(strings.TrimLeft(source[pos:], " \t\r\n"))
		if pos == len(source) {
			return append(tokens, token{end, "", pos}), nil
		}
		t, size, err := nextToken(source, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		pos += size
	}
}

func nextToken(source string, pos int) (token, int, error) {
	rest := source[pos:]
	for _, s := range []string{"==", "!=", "<=", ">=", "..", "<", ">", "(", ")", "[", "]", ","} {
		if strings.HasPrefix(rest, s) {
			return token{symbol, s, pos}, len(s), nil
		}
	}
	switch c := rest[0]; {
	case c == '"':
		value, size := quoted(rest)
		if size == 0 {
			return token{}, 0, syntaxError(source, pos, "the quotes are not closed")
		}
		if size < len(rest) && (rest[size] == '.' && !strings.HasPrefix(rest[size:], "..") || rest[size] == '[') {
			size = pathSize(rest)
			return token{word, rest[:size], pos}, size, nil
		}
		return token{text, value, pos}, size, nil
	case strings.IndexByte(digits, c) >= 0, c == '-' && len(rest) > 1 && strings.IndexByte(digits, rest[1]) >= 0:
		size := numberSize(rest)
		return token{number, rest[:size], pos}, size, nil
	case strings.IndexByte(letters, c) >= 0 || c >= utf8.RuneSelf:
		size := pathSize(rest)
		return token{word, rest[:size], pos}, size, nil
	case c == '=':
		return token{}, 0, syntaxError(source, pos, "write == to compare")
	case c == '\'':
		return token{}, 0, syntaxError(source, pos, "write strings in double quotes")
	case strings.HasPrefix(rest, "&&"):
		return token{}, 0, syntaxError(source, pos, "write and")
	case strings.HasPrefix(rest, "||"):
		return token{}, 0, syntaxError(source, pos, "write or")
	case c == '!':
		return token{}, 0, syntaxError(source, pos, "write not")
	}
	return token{}, 0, syntaxError(source, pos, "unexpected character")
}

// quoted returns the string at the start of s and its size, or 0 if it is not closed.
func quoted(s string) (string, int) {
	var value strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return value.String(), i + 1
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			value.WriteByte(s[i])
		default:
			value.WriteByte(c)
		}
	}
	return "", 0
}

// numberSize returns the size of the number at the start of s. Two dots after it belong to a range.
func numberSize(s string) int {
	n := 1 + span(s[1:], digits)
	if rest := s[n:]; len(rest) > 1 && rest[0] == '.' && strings.IndexByte(digits, rest[1]) >= 0 {
		n += 1 + span(rest[1:], digits)
	}
	return n
}

// pathSize returns the size of the path at the start of s.
func pathSize(s string) int {
	n := 0
	for n < len(s) {
		switch c := s[n]; {
		case strings.IndexByte(letters+digits+"-/", c) >= 0 || c >= utf8.RuneSelf:
			n++
		case c == '.' && !strings.HasPrefix(s[n:], ".."):
			n++
		case c == '"' && (n == 0 || s[n-1] == '.'):
			_, size := quoted(s[n:])
			if size == 0 {
				return n
			}
			n += size
		case c == '[':
			size := 1 + span(s[n+1:], digits)
			if size == 1 || n+size == len(s) || s[n+size] != ']' {
				return n
			}
			n += size + 1
		default:
			return n
		}
	}
	return n
}

// span returns the number of leading bytes of s that are in set.
func span(s, set string) int { return len(s) - len(strings.TrimLeft(s, set)) }

// syntaxError says where an assertion is wrong. It quotes nothing.
func syntaxError(source string, offset int, message string) error {
	return &diag.Error{Position: diag.Position{Column: utf8.RuneCountInString(source[:offset]) + 1}, Message: message}
}
