package document

import (
	"bytes"
)

// supportedText returns the text with the directives that the parser refuses, and
// need not, made harmless: it takes YAML 1.2 for an unknown version, and the
// standard wants unknown directives ignored. No character moves.
func supportedText(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("%")) && !bytes.Contains(text, []byte("\n%")) {
		return text
	}
	text = bytes.Clone(text)
	directives := true // may stand here: at the start, and behind the end of a document
	for rest := text; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		word, _, _ := bytes.Cut(bytes.TrimRight(line, "\r"), []byte(" "))
		switch {
		case string(word) == "...":
			directives = true
		case !directives || len(word) == 0 || word[0] == '#':
		case string(word) == "%YAML":
			if i := bytes.Index(line, []byte(" 1.")); i >= 0 && i+3 < len(line) && isDigits(string(line[i+3:i+4]), "0123456789") {
				line[i+3] = '1'
			}
		case word[0] == '%' && string(word) != "%TAG":
			line[0] = '#'
		default:
			directives = word[0] == '%'
		}
		rest = after
	}
	return text
}
