package document

import (
	"bytes"
	"errors"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/inith/inith/internal/diag"
)

// A tomlReader builds a tree from the expressions of a TOML file. Afterwards the library's decoder checks the single
// values.
type tomlReader struct {
	*reading
	parser  unstable.Parser
	cursor  int // the end of the last token whose position is known
	root    *tomlTable
	current *tomlTable
	broken  bool
}

func (r *reading) parseTOML() ([]*Node, bool) {
	if r.tooDense(hintTooLarge) || r.needsTooMuch(tomlMemory(r.source.text), maxMemory) {
		return nil, false
	}
	root := r.newTOMLTable(diag.Position{Line: 1, Column: 1}, byHeader)
	t := &tomlReader{reading: r, root: root, current: root}
	t.parser.Reset(r.source.text)
	for !t.broken && t.parser.NextExpression() {
		t.expression(t.parser.Expression())
		t.broken = t.broken || t.tooWide()
	}
	if t.broken {
		return nil, false
	}
	if e, ok := errors.AsType[*unstable.ParserError](t.parser.Error()); ok {
		t.addError(r.source.position(int(t.parser.Range(e.Highlight).Offset)), e.Message)
		return nil, false
	}
	if len(t.duplicates()) == 0 && !t.decode() {
		return nil, false
	}
	return []*Node{root.node}, true
}

// duplicates returns the findings that the decoder would fail for.
func (r *reading) duplicates() []*diag.Error {
	var found []*diag.Error
	for _, f := range r.findings {
		if f.Code == ruleDuplicate {
			found = append(found, f)
		}
	}
	return found
}

// decode decodes the whole file, which checks the single values: the days of a month, the range of a number.
func (t *tomlReader) decode() bool {
	var all map[string]any
	err := toml.Unmarshal(t.source.text, &all)
	if err == nil {
		return true
	}
	at := t.source.end()
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, column := e.Position()
		at = t.source.position(t.source.lines[min(max(row, 1), len(t.source.lines))-1] + column - 1)
	}
	t.add(valueAt(t.root.node, at), ruleSyntax, "an invalid TOML value", "check the digits of a number, the days of a month, the hours of a day")
	return false
}

// valueAt returns the position of the value that contains a position.
func valueAt(n *Node, at diag.Position) diag.Position {
	best := diag.Position{Line: 1, Column: 1}
	var walk func(n *Node)
	walk = func(n *Node) {
		p := n.Position()
		if at.Compare(p) >= 0 && best.Compare(p) < 0 {
			best = p
		}
		for _, item := range n.Items {
			walk(item)
		}
		for _, m := range n.Members {
			walk(m.Value)
		}
	}
	walk(n)
	return best
}

// addError adds a syntax error with a message of our own, because that of the library may quote the file.
func (t *tomlReader) addError(at diag.Position, message string) {
	faults := map[string][2]string{
		"array is incomplete":                                 {"the closing ] of a list is missing", "close it with ]"},
		"basic strings cannot have new lines":                 {"a string without a closing quote on its line", "close it with \", or use three quotes"},
		"literal strings cannot have new lines":               {"a string without a closing quote on its line", "close it with ', or use three quotes"},
		"expected = after a key, but the document ends there": {"a key without = and a value", ""},
	}
	fault, ok := faults[message]
	if !ok {
		fault = [2]string{"invalid TOML from here", "quote strings; keys are bare words or quoted"}
	}
	t.add(at, ruleSyntax, fault[0], fault[1])
}

func (t *tomlReader) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.KeyValue:
		t.assign(t.current, n, 0)
	case unstable.Table:
		t.current = t.header(t.keys(n))
	case unstable.ArrayTable:
		t.current = t.arrayHeader(t.keys(n))
	}
}

// keys returns the parts of a key.
func (t *tomlReader) keys(n *unstable.Node) []*Node {
	var keys []*Node
	for it := n.Key(); it.Next(); {
		raw := it.Node().Raw
		at := t.source.position(int(raw.Offset))
		t.cursor = int(raw.Offset + raw.Length)
		keys = append(keys, t.node(String, string(it.Node().Data), at))
	}
	if len(keys) > MaxDepth {
		t.tooDeep(keys[MaxDepth].Position())
		return keys[:1]
	}
	return keys
}

func (t *tomlReader) tooDeep(at diag.Position) {
	t.broken = true
	t.add(at, ruleDepth, "values are nested too deeply", "")
}

// value returns the node of a value.
func (t *tomlReader) value(n *unstable.Node, depth int) *Node {
	if n.Kind == unstable.Array || n.Kind == unstable.InlineTable {
		t.cursor = t.opening()
	} else {
		t.cursor = int(n.Raw.Offset)
	}
	at := t.source.position(t.cursor)
	if depth > MaxDepth {
		t.tooDeep(at)
	}
	t.broken = t.broken || t.full(at)
	kinds := map[unstable.Kind]Kind{unstable.Bool: Bool, unstable.Integer: Int, unstable.Float: Float}
	switch {
	case t.broken:
		return &Node{}
	case n.Kind == unstable.Array:
		return t.array(n, at, depth)
	case n.Kind == unstable.InlineTable:
		return t.inline(n, at, depth)
	}
	t.cursor += int(n.Raw.Length)
	kind, ok := kinds[n.Kind]
	if !ok {
		kind = String
	}
	return t.node(kind, string(n.Data), at)
}

func (t *tomlReader) array(n *unstable.Node, at diag.Position, depth int) *Node {
	t.cursor++
	list := t.node(Sequence, "", at)
	for it := n.Children(); it.Next(); {
		if it.Node().Kind != unstable.Comment {
			list.Items = append(list.Items, t.value(it.Node(), depth+1))
		}
	}
	return list
}

func (t *tomlReader) inline(n *unstable.Node, at diag.Position, depth int) *Node {
	t.cursor++
	table := t.newTOMLTable(at, byHeader)
	for it := n.Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			t.assign(table, it.Node(), depth+1)
		}
	}
	return table.node
}

// opening returns the offset of the next [ or {. The parser does not report where lists begin; only punctuation,
// white space and comments can precede them.
func (t *tomlReader) opening() int {
	text := t.source.text
	for i := t.cursor; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			return i
		case '#':
			if end := bytes.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
			}
		}
	}
	return t.cursor
}

// tomlMemory estimates the memory that a file takes, in bytes, from what costs most: pairs, tables, dots in keys.
func tomlMemory(text []byte) int {
	const (
		pair  = 600
		table = 800
		level = 320
		comma = 150
	)
	need := comma*bytes.Count(text, []byte(",")) + pair*bytes.Count(text, []byte("="))
	for line := range bytes.Lines(text) {
		line = bytes.TrimLeft(line, " \t")
		if bytes.HasPrefix(line, []byte("[")) {
			need += table
		}
		if key, _, ok := bytes.Cut(line, []byte("=")); ok {
			need += level * bytes.Count(key, []byte("."))
		}
	}
	return need
}
