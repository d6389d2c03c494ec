package excerpt

import (
	"slices"
	"strings"

	"github.com/inith/inith/internal/document"
)

// A token is a key or a value that begins in a line.
type token struct {
	column int
	key    bool
	text   string // of a key, or what is shown of a value; the brackets of what has nothing in it
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
	case t.text == "", strings.Contains("|>*&!", rest[:1]), (t.text == "[]" || t.text == "{}") && rest[0] != t.text[0]:
		return mask
	case rest[0] == '"' || rest[0] == '\'':
		return rest[:1] + t.text + rest[:1]
	default:
		return t.text
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

// A finder collects the tokens of documents by line.
type finder struct {
	filter Filter
	all    map[int][]token
	seen   map[*document.Node]bool // aliases share nodes
	path   []string
}

// tokensOf returns the keys and scalars of all documents by line.
func (f Filter) tokensOf(documents []*document.Node) map[int][]token {
	w := &finder{filter: f, all: map[int][]token{}, seen: map[*document.Node]bool{}}
	for _, d := range documents {
		w.walk(d)
	}
	for _, line := range w.all {
		slices.SortStableFunc(line, func(a, b token) int { return a.column - b.column })
	}
	return w.all
}

func (w *finder) walk(n *document.Node) {
	if n == nil || w.seen[n] {
		return
	}
	w.seen[n] = true
	if w.filter.Hidden != nil && w.filter.Hidden(n) {
		return
	}
	for _, m := range n.Members {
		w.member(m)
	}
	for _, item := range n.Items {
		w.walk(item)
	}
	switch {
	case n.Kind == document.Sequence && len(n.Items) == 0:
		w.add(n, token{text: "[]"})
	case n.Kind == document.Mapping && len(n.Members) == 0:
		w.add(n, token{text: "{}"})
	case n.Kind != document.Mapping && n.Kind != document.Sequence:
		w.add(n, token{text: w.shown(n)})
	}
}

func (w *finder) member(m document.Member) {
	name := ""
	if m.Key != nil {
		name = m.Key.Text
		if !w.seen[m.Key] && !m.Value.Inherited() {
			w.seen[m.Key] = true
			w.add(m.Key, token{key: true, text: name})
		}
	}
	w.path = append(w.path, name)
	w.walk(m.Value)
	w.path = w.path[:len(w.path)-1]
}

// shown returns what is shown of a scalar.
func (w *finder) shown(n *document.Node) string {
	if w.filter.Value == nil {
		return ""
	}
	return w.filter.Value(w.path, n)
}

func (w *finder) add(n *document.Node, t token) {
	at := n.Position()
	t.column = at.Column
	w.all[at.Line] = append(w.all[at.Line], t)
}
