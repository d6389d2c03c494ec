package mask

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// A node is a value of JSON. Objects keep the order of their members, and duplicates.
type node struct {
	kind    byte   // '{', '[', '"', or 0 for a number, true, false, null
	text    string // of a string; of a scalar as it is written
	names   []string
	members []*node
}

// maxDepth is how deep a document may be.
const maxDepth = 256

var errDeep = errors.New("too deep")

// parse reads documents that follow each other. If the last one is cut, it returns what there is of it, and an error.
func parse(text []byte) ([]*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all []*node
	for {
		n := &node{}
		err := n.read(d, 0)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if n.kind != 0 || n.text != "" {
			all = append(all, n)
		}
		if err != nil {
			return all, err
		}
	}
}

// read reads the next value.
func (n *node) read(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		n.kind = t.String()[0]
		return within(n.readMembers(d, depth+1))
	case string:
		n.kind, n.text = '"', t
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = strconv.FormatBool(t)
	default:
		n.text = "null"
	}
	return nil
}

// within makes the end of the text an error: a value has begun.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (n *node) readMembers(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for d.More() {
		name := ""
		if n.kind == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ = t.(string)
		}
		member := &node{}
		if err := member.read(d, depth); err != nil {
			if member.kind != 0 {
				n.add(name, member)
			}
			return err
		}
		n.add(name, member)
	}
	_, err := d.Token()
	return err
}

func (n *node) add(name string, member *node) {
	if n.kind == '{' {
		n.names = append(n.names, name)
	}
	n.members = append(n.members, member)
}

// appendTo writes the value as JSON.
func (n *node) appendTo(b *bytes.Buffer) {
	switch n.kind {
	case 0:
		b.WriteString(n.text)
	case '"':
		appendString(b, n.text)
	default:
		b.WriteByte(n.kind)
		for i, member := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == '{' {
				appendString(b, n.names[i])
				b.WriteByte(':')
			}
			member.appendTo(b)
		}
		b.WriteByte(n.kind + 2) // the brackets of ASCII
	}
}

func appendString(b *bytes.Buffer, s string) {
	if isPlain(s) {
		b.WriteByte('"')
		b.WriteString(s)
		b.WriteByte('"')
		return
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	b.Truncate(b.Len() - 1) // its newline
}

// isPlain reports whether a string has nothing to escape.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// encode returns the value as JSON.
func (n *node) encode() string {
	var b bytes.Buffer
	n.appendTo(&b)
	return b.String()
}

// looksLikeJSON reports whether a string may be a document of its own.
func looksLikeJSON(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	return s != "" && (s[0] == '{' || s[0] == '[')
}
