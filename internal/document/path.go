package document

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// A Path names a value: server.port, models[0].path, labels."app.kubernetes.io/name".
type Path struct {
	text     string
	segments []segment
}

// A segment is an element of a path: a key of a mapping, or an index into a list.
type segment struct {
	key   string
	index int // -1 if it is a key
	end   int // the offset after it
}

// maxPath is the maximum length of a path in bytes.
const maxPath = 4096

// ParsePath reads a path. Its error is a [*diag.Error] with the column.
func ParsePath(text string) (Path, error) {
	if len(text) > maxPath {
		return Path{}, pathError(text, 0, "the path is too long")
	}
	p := Path{text: text}
	for pos := 0; ; {
		s, err := nextSegment(text, pos, len(p.segments) == 0)
		if err != nil {
			return Path{}, err
		}
		p.segments = append(p.segments, s)
		if pos = s.end; pos == len(text) {
			return p, nil
		}
	}
}

// nextSegment reads the segment at an offset: an index, or a key after a dot. The first key has no dot.
func nextSegment(text string, pos int, first bool) (segment, error) {
	if strings.HasPrefix(text[pos:], "[") {
		return indexSegment(text, pos)
	}
	if !first {
		if !strings.HasPrefix(text[pos:], ".") {
			return segment{}, pathError(text, pos, "want a dot, or an index in brackets")
		}
		pos++
	}
	if strings.HasPrefix(text[pos:], `"`) {
		return quotedSegment(text, pos)
	}
	end := pos + len(text[pos:])
	if i := strings.IndexAny(text[pos:], `.[]"`); i >= 0 {
		end = pos + i
	}
	if end == pos {
		return segment{}, pathError(text, pos, "want a key; write a key with dots or brackets in double quotes")
	}
	return segment{key: text[pos:end], index: -1, end: end}, nil
}

func indexSegment(text string, pos int) (segment, error) {
	digits, _, ok := strings.Cut(text[pos+1:], "]")
	index, err := strconv.Atoi(digits)
	if !ok || err != nil || !isDigits(digits, "0123456789") {
		return segment{}, pathError(text, pos, "want an index such as [0]")
	}
	return segment{index: index, end: pos + len(digits) + 2}, nil
}

// quotedSegment reads a key in double quotes, in which \" is a quote and \\ a
// backslash.
func quotedSegment(text string, pos int) (segment, error) {
	var key strings.Builder
	for i := pos + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return segment{key: key.String(), index: -1, end: i + 1}, nil
		case c == '\\' && i+1 < len(text):
			i++
			key.WriteByte(text[i])
		default:
			key.WriteByte(c)
		}
	}
	return segment{}, pathError(text, pos, "the quotes are not closed")
}

func pathError(text string, offset int, message string) error {
	return &diag.Error{Position: diag.Position{Column: utf8.RuneCountInString(text[:offset]) + 1}, Message: message}
}

// String returns the path as it was written.
func (p Path) String() string { return p.text }

// A Found is the result of following a path.
type Found struct {
	Value *Node // nil if there is none

	// If there is none: the last value on the path, the part of the path that leads to it ("" for the root), and the
	// part that it lacks.
	Last            *Node
	Reached, Wanted string
	Key             string // of Wanted; "" if it is an index
}

// Find follows the path from a root. Of duplicate keys the last one counts, as in most parsers.
func (p Path) Find(root *Node) Found {
	if n := root.Member(p.text); n != nil && n.Untyped { // a name of a dotenv file that has dots
		return Found{Value: n}
	}
	n, reached := root, 0
	for _, s := range p.segments {
		next := n.step(s)
		if next == nil {
			return Found{Last: n, Reached: p.text[:reached], Wanted: p.text[:s.end], Key: s.key}
		}
		n, reached = next, s.end
	}
	return Found{Value: n}
}

func (n *Node) step(s segment) *Node {
	if s.index >= 0 {
		if n.Kind == Sequence && s.index < len(n.Items) {
			return n.Items[s.index]
		}
		return nil
	}
	return n.Member(s.key)
}

// Member returns the value of a key, or nil.
func (n *Node) Member(key string) *Node {
	for _, m := range slices.Backward(n.Members) {
		if m.Key.Text == key && m.Key.Kind != Sequence && m.Key.Kind != Mapping {
			return m.Value
		}
	}
	return nil
}
