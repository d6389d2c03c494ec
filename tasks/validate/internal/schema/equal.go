package schema

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/document"
)

// lengthOf returns the length of a string in characters, or the number of items or keys.
func (e *evaluation) lengthOf(n *document.Node) int {
	if n.Kind == document.String {
		e.spend(len(n.Text) / 64)
		return utf8.RuneCountInString(n.Text)
	}
	return len(n.Items) + len(n.Members)
}

// canonical returns the same string for two values if, and only if, they are equal.
func (e *evaluation) canonical(n *document.Node) string {
	var b strings.Builder
	e.write(&b, n)
	return b.String()
}

func (e *evaluation) write(b *strings.Builder, n *document.Node) {
	if e.spend(len(n.Text) / 16); e.failed {
		return
	}
	switch n.Kind {
	case document.Null:
		b.WriteString("null")
	case document.Bool:
		b.WriteString(strings.ToLower(n.Text))
	case document.Int, document.Float:
		if r, ok := n.Number(); ok {
			b.WriteString(r.RatString())
		} else {
			b.WriteString("number " + n.Text)
		}
	case document.String:
		b.WriteString(strconv.Quote(n.Text))
	case document.Sequence:
		b.WriteByte('[')
		for _, item := range n.Items {
			e.write(b, item)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case document.Mapping:
		e.writeMapping(b, n)
	}
}

func (e *evaluation) writeMapping(b *strings.Builder, n *document.Node) {
	var members []string
	for _, m := range n.Members {
		var one strings.Builder
		one.WriteString(strconv.Quote(m.Key.Text) + ":")
		e.write(&one, m.Value)
		members = append(members, one.String())
	}
	slices.Sort(members)
	b.WriteString("{" + strings.Join(members, ",") + "}")
}
