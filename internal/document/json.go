package document

import (
	"bytes"
	"math"
)

// A jsonReader reads JSON, or JSONC if it is relaxed. encoding/json accepts duplicate keys and does not report
// positions.
type jsonReader struct {
	*reading
	text    []byte
	all     string // the text: strings of the tree are parts of it
	pos     int
	relaxed bool
}

func (r *reading) parseJSON(relaxed bool) ([]*Node, bool) {
	const each = 100 // bytes, at least, of a value
	if r.needsTooMuch(each*bytes.Count(r.source.text, []byte(",")), math.MaxInt64) {
		return nil, false
	}
	j := &jsonReader{reading: r, text: r.source.text, all: string(r.source.text), relaxed: relaxed}
	if !j.skip() {
		return nil, false
	}
	root := j.value(0)
	if root == nil || !j.skip() {
		return nil, false
	}
	if j.pos < len(j.text) {
		j.fail(j.pos, "unexpected characters after the end of the value", "")
		return nil, false
	}
	return []*Node{root}, true
}

// fail adds a syntax error and returns nil.
func (j *jsonReader) fail(offset int, message, hint string) *Node {
	j.add(j.source.position(offset), ruleSyntax, message, hint)
	return nil
}

// peek returns the next byte, 0 at the end.
func (j *jsonReader) peek() byte {
	if j.pos < len(j.text) {
		return j.text[j.pos]
	}
	return 0
}

// skip moves past white space and comments.
func (j *jsonReader) skip() bool {
	for j.pos < len(j.text) {
		switch c := j.text[j.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			j.pos++
		case c != '/':
			return true
		case !j.relaxed:
			j.fail(j.pos, "JSON has no comments", "remove it, or set the format to jsonc")
			return false
		case !j.comment():
			return false
		}
	}
	return true
}

func (j *jsonReader) comment() bool {
	rest, opening := j.text[j.pos:], j.pos
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		j.pos += end
		return true
	case bytes.HasPrefix(rest, []byte("/*")):
		if end := bytes.Index(rest[2:], []byte("*/")); end >= 0 {
			j.pos += end + 4
			return true
		}
		j.fail(opening, "the comment is not closed", "close it with */")
		return false
	}
	j.fail(opening, "not a value", "a comment begins with // or /*")
	return false
}

// value reads a value. It returns nil if there is none.
func (j *jsonReader) value(depth int) *Node {
	at := j.source.position(j.pos)
	if depth > MaxDepth {
		j.add(at, ruleDepth, "values are nested too deeply", "")
		return nil
	}
	if j.full(at) {
		return nil
	}
	switch c := j.peek(); {
	case c == '{':
		return j.object(j.node(Mapping, "", at), depth)
	case c == '[':
		return j.array(j.node(Sequence, "", at), depth)
	case c == '"':
		return j.string()
	case c == '-' || '0' <= c && c <= '9':
		return j.number(at)
	}
	return j.word(at)
}

func (j *jsonReader) object(n *Node, depth int) *Node {
	opening := j.pos
	j.pos++
	for {
		comma := j.pos - 1
		if !j.skip() {
			return nil
		}
		switch c := j.peek(); {
		case c == '}':
			if len(n.Members) > 0 && !j.relaxed {
				return j.fail(comma, "a comma after the last member", "remove it")
			}
			j.pos++
			j.findDuplicates(n)
			return n
		case c != '"':
			return j.noKey(opening)
		}
		key := j.string()
		if key == nil || !j.skip() {
			return nil
		}
		if j.peek() != ':' {
			return j.fail(j.pos, "no colon after the key", "")
		}
		j.pos++
		if !j.skip() {
			return nil
		}
		value := j.value(depth + 1)
		if value == nil {
			return nil
		}
		n.Members = append(n.Members, Member{key, value})
		end, ok := j.next('}', "no comma between two members", opening)
		switch {
		case !ok:
			return nil
		case end:
			j.findDuplicates(n)
			return n
		}
	}
}

func (j *jsonReader) noKey(opening int) *Node {
	switch c := j.peek(); {
	case j.pos >= len(j.text):
		return j.fail(opening, "the closing } is missing", "close them with }")
	case c == ',':
		return j.fail(j.pos, "a comma without a member before it", "")
	default:
		return j.fail(j.pos, "a key without double quotes", "")
	}
}

func (j *jsonReader) array(n *Node, depth int) *Node {
	opening := j.pos
	j.pos++
	for {
		comma := j.pos - 1
		if !j.skip() {
			return nil
		}
		switch {
		case j.peek() == ']' && len(n.Items) > 0 && !j.relaxed:
			return j.fail(comma, "a comma after the last item", "remove it")
		case j.peek() == ']':
			j.pos++
			return n
		case j.pos >= len(j.text):
			return j.fail(opening, "the closing bracket is missing", "close them with ]")
		}
		item := j.value(depth + 1)
		if item == nil {
			return nil
		}
		n.Items = append(n.Items, item)
		end, ok := j.next(']', "no comma between two items", opening)
		switch {
		case !ok:
			return nil
		case end:
			return n
		}
	}
}

// next reads the comma after an item, or the closing bracket, which is the end.
func (j *jsonReader) next(closing byte, missing string, opening int) (end, ok bool) {
	last := j.pos
	if !j.skip() {
		return false, false
	}
	switch c := j.peek(); {
	case c == ',' || c == closing:
		j.pos++
		return c == closing, true
	case j.pos >= len(j.text):
		j.fail(opening, "the closing bracket is missing", "close them")
	default:
		j.fail(last, missing, "")
	}
	return false, false
}
