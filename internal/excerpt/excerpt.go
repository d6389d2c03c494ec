// Package excerpt shows lines of a file without their values. [New] is the entry point.
//
// It assembles what is known to be harmless, instead of removing secrets: in a parsed file the indentation, the keys and
// punctuation, and what a [Filter] allows; in another file a leading word that looks like a key.
package excerpt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// A Filter says what an excerpt shows besides indentation, keys and punctuation. The zero value shows nothing else.
type Filter struct {
	// Value returns what is shown of a scalar, "" for a mask. Path has the keys that lead to it.
	Value func(path []string, v *document.Node) string
	// Word reports whether a word may be shown of a line that has neither a key nor a value, such as one of a script.
	Word func(word string) bool
	// Hidden reports whether nothing is shown of a value, not even keys.
	Hidden func(v *document.Node) bool
}

// A File has the lines of a file, and what may be shown of them.
type File struct {
	lines  [][]byte
	filter Filter
	tokens map[int][]token // by line; of a file that was parsed
	lead   map[int]string  // by line; of one that was not
}

const (
	mask      = "…"
	maxWidth  = 100 // of a line, in characters
	maxKey    = 40  // of a key, in characters
	maxIndent = 40
	maxLine   = 16 << 10 // of the file, in bytes: a longer one is not shown
)

// New prepares the excerpts of a file. Documents is nil if the file was not parsed.
func New(format document.Format, data []byte, documents []*document.Node, filter Filter) *File {
	data, _ = bytes.CutPrefix(data, []byte("\ufeff"))
	f := &File{lines: bytes.Split(data, []byte("\n")), filter: filter}
	if documents == nil {
		f.lead = leadingKeys(format, f.lines)
		return f
	}
	f.tokens = filter.tokensOf(documents)
	return f
}

// Around returns a line and its neighbors, with a caret below the column; nothing if they have no key.
func (f *File) Around(line, column int) []string {
	for n := line - 1; n <= line+1; n++ {
		if f.lead[n] != "" || slices.ContainsFunc(f.tokens[n], func(t token) bool { return t.key }) {
			return f.numbered(max(1, line-1), line, line+1, column)
		}
	}
	return nil
}

// Line returns a line alone, with a caret below the column; nothing if only masks are shown of it.
func (f *File) Line(line, column int) []string {
	all := f.numbered(line, line, line, column)
	if len(all) == 0 || !strings.ContainsFunc(all[0], unicode.IsLetter) {
		return nil
	}
	return all
}

// numbered returns the lines from first to last with their numbers, and a caret in one.
func (f *File) numbered(first, line, last, column int) []string {
	if line < 1 || line > len(f.lines) {
		return nil
	}
	last = min(last, len(f.lines))
	var all []string
	width := len(fmt.Sprint(last))
	for n := first; n <= last; n++ {
		if n != line && len(bytes.TrimSpace(f.lines[n-1])) == 0 {
			continue
		}
		text, caret := f.line(n, column)
		all = append(all, strings.TrimRight(fmt.Sprintf("%*d | %s", width, n, text), " "))
		if n == line && column > 0 {
			all = append(all, fmt.Sprintf("%*s | %*s", width, "", caret+1, "^"))
		}
	}
	return all
}

// line returns what is shown of a line, and where in it the column is.
func (f *File) line(n, column int) (text string, caret int) {
	if len(f.lines[n-1]) > maxLine {
		return mask, 0
	}
	raw := []rune(strings.ToValidUTF8(string(bytes.TrimRight(f.lines[n-1], "\r")), "?"))
	indent := 0
	for indent < len(raw) && (raw[indent] == ' ' || raw[indent] == '\t') {
		indent++
	}
	r := &rendered{column: column}
	r.write(1, strings.Repeat(" ", min(indent, maxIndent)))
	switch {
	case f.tokens == nil:
		r.lead(indent, len(raw), f.lead[n])
	case len(f.tokens[n]) > 0:
		r.tokens(raw, indent, f.tokens[n])
	default: // a comment, a part of a value, or brackets
		r.words(raw, indent, f.filter.Word)
	}
	return cut(r.text, maxWidth), min(max(0, r.caret), maxWidth-1)
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + mask
}

// A rendered is a line as it is shown. Its caret is below the last part that begins at or before the column.
type rendered struct {
	text          string
	column, caret int
}

// write appends what is shown for a column of the file.
func (r *rendered) write(at int, text string) {
	if at <= r.column {
		r.caret = utf8.RuneCountInString(r.text) // where this begins
	}
	r.text += text
}

// lead shows a key at the start of a line, if there is one, and a mask for the
// rest.
func (r *rendered) lead(indent, length int, key string) {
	at := indent + 1
	if key != "" {
		r.write(at, key)
		at += utf8.RuneCountInString(key)
	}
	if at <= length {
		r.write(at, mask)
	}
}

// tokens shows the keys of a line, and a mask for each value.
func (r *rendered) tokens(raw []rune, indent int, all []token) {
	at, previous := indent+1, token{}
	all = near(all, r.column)
	r.opening(raw, at, all[0].column)
	for i, t := range all {
		switch {
		case i == 0:
		case previous.key:
			r.opening(raw, previous.column, t.column)
		default:
			r.text += ","
			r.opening(raw, previous.column, t.column)
		}
		if last, _ := utf8.DecodeLastRuneInString(r.text); last == ',' || strings.HasSuffix(r.text, mask+":") {
			r.text += " "
		}
		r.write(t.column, t.shown(raw))
		previous = t
	}
}

// Words returns what may be shown of the words of a line: those that shown accepts, and a mask for what is between them.
func Words(line string, shown func(word string) bool) string {
	var r rendered
	r.words([]rune(line), 0, shown)
	return r.text
}

// words shows the words that may be shown, and a mask for what is between them.
func (r *rendered) words(raw []rune, indent int, shown func(word string) bool) {
	for at := indent; at < len(raw); {
		end := at
		for end < len(raw) && raw[end] != ' ' && raw[end] != '\t' {
			end++
		}
		word, semicolon := strings.CutSuffix(string(raw[at:end]), ";")
		masked := word != "" && (shown == nil || !shown(word))
		switch {
		case !masked:
			r.space()
			r.write(at+1, word)
		case !strings.HasSuffix(r.text, mask):
			r.space()
			r.write(at+1, mask)
		}
		if semicolon && shown != nil {
			r.text += ";"
		}
		for at = end; at < len(raw) && (raw[at] == ' ' || raw[at] == '\t'); {
			at++
		}
	}
}

// space separates two words.
func (r *rendered) space() {
	if strings.Trim(r.text, " ") != "" {
		r.text += " "
	}
}

// near returns the tokens around a column, because a line may be a whole file.
func near(all []token, column int) []token {
	const before, after = 4, 6
	i, _ := slices.BinarySearchFunc(all, column, func(t token, column int) int { return t.column - column })
	return all[max(0, min(i, len(all)-1)-before):min(len(all), i+after)]
}

// opening shows the brackets and dashes directly before a column.
func (r *rendered) opening(raw []rune, from, to int) {
	first := to
	for first > from && first-2 < len(raw) && strings.ContainsRune("{[-? ", raw[first-2]) {
		first--
	}
	text := string(raw[min(first-1, len(raw)):min(to-1, len(raw))])
	if from == first { // the indentation is already written
		text = strings.TrimLeft(text, " ")
	}
	if text != "" {
		r.write(to-utf8.RuneCountInString(text), text)
	}
}
