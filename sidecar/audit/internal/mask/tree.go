package mask

import (
	"strings"

	"github.com/inith/inith/sidecar/audit/internal/jsonline"
)

// A node is a value of JSON. Objects keep the order of their members, and duplicates.
type node struct {
	kind    byte   // '{', '[', '"', or 0 for a number, true, false, null
	text    string // of a string; of a scalar as it is written
	names   []string
	members []*node
}

func (n *node) add(name string, member *node) {
	if n.kind == '{' {
		n.names = append(n.names, name)
	}
	n.members = append(n.members, member)
}

// appendTo appends the value as JSON.
func (n *node) appendTo(b []byte) []byte {
	switch n.kind {
	case 0:
		return append(b, n.text...)
	case '"':
		return jsonline.AppendString(b, n.text)
	}
	b = append(b, n.kind)
	for i, member := range n.members {
		if i > 0 {
			b = append(b, ',')
		}
		if n.kind == '{' {
			b = append(jsonline.AppendString(b, n.names[i]), ':')
		}
		b = member.appendTo(b)
	}
	return append(b, n.kind+2) // the brackets of ASCII
}

// encode returns the value as JSON, of about so many bytes.
func (n *node) encode(size int) []byte { return n.appendTo(make([]byte, 0, size+size/8)) }

// looksLikeJSON reports whether a string may be a document of its own.
func looksLikeJSON(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	return s != "" && (s[0] == '{' || s[0] == '[')
}
