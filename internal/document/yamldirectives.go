package document

import (
	"bytes"
)

// supportedText hides the directives that the parser rejects although it need not: it treats YAML 1.2 as an unknown
// version, and the standard says to ignore unknown directives. All characters keep their positions.
func supportedText(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("%")) && !bytes.Contains(text, []byte("\n%")) {
		return text
	}
	text = bytes.Clone(text)
	directives := true  // may stand here: at the start, and behind the end of a document
	var harmless []edit // if the document then begins with ---
	offset := 0
	for line := range bytes.Lines(text) {
		word, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch {
		case string(word) == "...":
			directives, harmless = true, nil
		case !directives || len(word) == 0 || word[0] == '#':
		case string(word) == "%YAML":
			if i := bytes.Index(line, []byte(" 1.")); i >= 0 && bytes.IndexAny(line[i+3:], "0123456789") == 0 {
				harmless = append(harmless, edit{offset + i + 3, '1'})
			}
		case word[0] == '%' && string(word) != "%TAG":
			harmless = append(harmless, edit{offset, '#'})
		case string(word) == "---":
			for _, e := range harmless {
				text[e.offset] = e.char
			}
			directives = false
		default:
			directives = word[0] == '%'
		}
		offset += len(line)
	}
	return text
}

// An edit replaces a character.
type edit struct {
	offset int
	char   byte
}
