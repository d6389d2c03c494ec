package validate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// Excerpts shows lines of a file without their values. It assembles what is known to be harmless, instead of removing
// secrets: in a parsed file the indentation, the keys and punctuation; in another file a leading word that looks like
// a key.
type excerpts struct {
	lines  [][]byte
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

// newExcerpts prepares the excerpts of a file. Documents is nil if the file was not parsed.
func newExcerpts(format document.Format, data []byte, documents []*document.Node) *excerpts {
	data, _ = bytes.CutPrefix(data, []byte("\ufeff"))
	e := &excerpts{lines: bytes.Split(data, []byte("\n"))}
	if documents == nil {
		e.lead = leadingKeys(format, e.lines)
		return e
	}
	e.tokens = tokensOf(documents)
	return e
}

// around returns a line and its neighbors, with a caret below the column.
func (e *excerpts) around(line, column int) []string {
	if line < 1 || line > len(e.lines) || !e.telling(line) {
		return nil
	}
	var all []string
	width := len(fmt.Sprint(min(line+1, len(e.lines))))
	for n := max(1, line-1); n <= min(line+1, len(e.lines)); n++ {
		if n != line && len(bytes.TrimSpace(e.lines[n-1])) == 0 {
			continue
		}
		text, caret := e.line(n, column)
		all = append(all, strings.TrimRight(fmt.Sprintf("%*d | %s", width, n, text), " "))
		if n == line && column > 0 {
			all = append(all, fmt.Sprintf("%*s | %*s", width, "", caret+1, "^"))
		}
	}
	return all
}

// telling reports whether the lines around a line show more than masks.
func (e *excerpts) telling(line int) bool {
	for n := line - 1; n <= line+1; n++ {
		if e.lead[n] != "" || slices.ContainsFunc(e.tokens[n], func(t token) bool { return t.key }) {
			return true
		}
	}
	return false
}

// line returns what is shown of a line, and where in it the column is.
func (e *excerpts) line(n, column int) (text string, caret int) {
	if len(e.lines[n-1]) > maxLine {
		return mask, 0
	}
	raw := []rune(strings.ToValidUTF8(string(bytes.TrimRight(e.lines[n-1], "\r")), "?"))
	indent := 0
	for indent < len(raw) && (raw[indent] == ' ' || raw[indent] == '\t') {
		indent++
	}
	r := &rendered{column: column}
	r.write(1, strings.Repeat(" ", min(indent, maxIndent)))
	if e.tokens == nil {
		r.lead(indent, len(raw), e.lead[n])
	} else {
		r.tokens(raw, indent, e.tokens[n])
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
	if len(all) == 0 {
		if indent < len(raw) {
			r.write(at, mask) // a comment, the rest of a value, or brackets
		}
		return
	}
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

// A token is a key or a value that begins in a line.
type token struct {
	column int
	key    bool
	text   string // of a key; the brackets of what has nothing in it
}

// shown returns a key as it is in the file, if it looks like one, and a mask for everything else.
func (t token) shown(raw []rune) string {
	rest := ""
	if t.column >= 1 && t.column <= len(raw) {
		rest = string(raw[t.column-1:])
	}
	switch {
	case t.key:
	case rest == "": // an empty value
		return ""
	case t.text != "" && rest[0] == t.text[0]:
		return t.text
	default:
		return mask
	}
	for _, quote := range []string{"", `"`, "'"} {
		written := quote + t.text + quote
		after, ok := strings.CutPrefix(rest, written)
		if !ok || !looksLikeKey(t.text) {
			continue
		}
		end := strings.TrimLeft(after, " \t")
		if end != "" && strings.Contains("=:.]", end[:1]) { // dots and brackets are in a header of TOML
			return written + strings.Repeat(" ", min(len(after)-len(end), maxIndent)) + end[:1]
		}
		return written
	}
	return mask + ":"
}

// looksLikeKey reports whether a key may be shown.
func looksLikeKey(s string) bool {
	for i := range len(s) {
		if !keyByte(s[i], i) {
			return false
		}
	}
	return s != "" && len(s) <= maxKey
}

// keyByte reports whether a key may have c at position i.
func keyByte(c byte, i int) bool {
	letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return letter || i > 0 && (c >= '0' && c <= '9' || c == '.' || c == '-')
}

// tokensOf returns the keys and scalars of all documents by line.
func tokensOf(documents []*document.Node) map[int][]token {
	all := map[int][]token{}
	seen := map[*document.Node]bool{} // aliases share nodes
	var walk func(n *document.Node)
	walk = func(n *document.Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, m := range n.Members {
			if m.Key != nil && !seen[m.Key] && !m.Value.Inherited() {
				seen[m.Key] = true
				at := m.Key.Position()
				all[at.Line] = append(all[at.Line], token{at.Column, true, m.Key.Text})
			}
			walk(m.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
		at := n.Position()
		switch {
		case n.Kind == document.Sequence && len(n.Items) == 0:
			all[at.Line] = append(all[at.Line], token{column: at.Column, text: "[]"})
		case n.Kind == document.Mapping && len(n.Members) == 0:
			all[at.Line] = append(all[at.Line], token{column: at.Column, text: "{}"})
		case n.Kind != document.Mapping && n.Kind != document.Sequence:
			all[at.Line] = append(all[at.Line], token{column: at.Column})
		}
	}
	for _, d := range documents {
		walk(d)
	}
	for _, line := range all {
		slices.SortStableFunc(line, func(a, b token) int { return a.column - b.column })
	}
	return all
}
