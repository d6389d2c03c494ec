package document

import (
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/inith/inith/internal/diag"
)

// An origin is how a table was defined, which decides what may extend it.
type origin int

const (
	byHeader origin = iota // [a.b]: b
	implied                // [a.b]: a, until it has a header of its own
	byKey                  // a.b = 1: a
)

// A tomlTable is a table or an array of tables. A complete inline table is a value instead, because nothing can
// extend it.
type tomlTable struct {
	reading  *reading
	node     *Node
	origin   origin
	children map[string]tomlChild
	elements []*tomlTable // of an array of tables
}

// A tomlChild is the value of a key of a table.
type tomlChild struct {
	key   *Node
	table *tomlTable // nil if it is a value
}

func (r *reading) newTOMLTable(at diag.Position, o origin) *tomlTable {
	return &tomlTable{
		reading:  r,
		node:     r.node(Mapping, "", at),
		origin:   o,
		children: map[string]tomlChild{},
	}
}

// put adds a value. If it is a table, table is not nil.
func (t *tomlTable) put(key, value *Node, table *tomlTable) {
	t.reading.members = max(t.reading.members, len(t.children)+1)
	t.node.Members = append(t.node.Members, Member{key, value})
	t.children[key.Text] = tomlChild{key, table}
}

// sub returns the table of a key, or the last table of its array, and creates a missing one. If the key has another
// value, it returns nil and that key.
func (t *tomlTable) sub(key *Node, o origin) (*tomlTable, *Node) {
	child, ok := t.children[key.Text]
	switch {
	case !ok:
		table := t.reading.newTOMLTable(key.Position(), o)
		t.put(key, table.node, table)
		return table, nil
	case child.table == nil:
		return nil, child.key
	case len(child.table.elements) > 0:
		return child.table.elements[len(child.table.elements)-1], nil
	default:
		return child.table, nil
	}
}

// assign adds a value to a table, following dotted keys.
func (t *tomlReader) assign(table *tomlTable, n *unstable.Node, depth int) {
	keys := t.keys(n)
	value := t.value(n.Value(), depth+len(keys))
	if t.broken {
		return
	}
	for _, key := range keys[:len(keys)-1] {
		array := table.children[key.Text].table
		next, taken := table.sub(key, byKey)
		if next != nil && (next.origin != byKey || array != nil && len(array.elements) > 0) {
			next, taken = nil, table.children[key.Text].key
		}
		if next == nil {
			t.addDuplicate(key.Position(), taken.Position())
			return
		}
		table = next
	}
	key := keys[len(keys)-1]
	if child, ok := table.children[key.Text]; ok {
		t.addDuplicate(key.Position(), child.key.Position())
		return
	}
	table.put(key, value, nil)
}

// parent returns the table that all keys of a header but the last name, or nil.
func (t *tomlReader) parent(keys []*Node) *tomlTable {
	table := t.root
	for _, key := range keys[:len(keys)-1] {
		next, taken := table.sub(key, implied)
		if next == nil {
			t.addDuplicate(key.Position(), taken.Position())
			return nil
		}
		table = next
	}
	return table
}

// header returns the table that [a.b] opens. After an invalid header, values go into a table that is not part of the
// tree.
func (t *tomlReader) header(keys []*Node) *tomlTable {
	key := keys[len(keys)-1]
	lost := t.newTOMLTable(key.Position(), byHeader)
	parent := t.parent(keys)
	if parent == nil {
		return lost
	}
	child, ok := parent.children[key.Text]
	switch {
	case !ok:
		table, _ := parent.sub(key, byHeader)
		return table
	case child.table != nil && child.table.origin == implied && len(child.table.elements) == 0:
		child.table.origin = byHeader
		return child.table
	}
	t.addDuplicate(key.Position(), child.key.Position())
	return lost
}

// arrayHeader returns the table that [[a.b]] opens.
func (t *tomlReader) arrayHeader(keys []*Node) *tomlTable {
	key := keys[len(keys)-1]
	element := t.newTOMLTable(key.Position(), byHeader)
	parent := t.parent(keys)
	if parent == nil {
		return element
	}
	child, ok := parent.children[key.Text]
	switch {
	case !ok:
		array := &tomlTable{node: t.node(Sequence, "", key.Position()), elements: []*tomlTable{element}}
		parent.put(key, array.node, array)
		array.node.Items = []*Node{element.node}
	case child.table != nil && len(child.table.elements) > 0:
		child.table.elements = append(child.table.elements, element)
		child.table.node.Items = append(child.table.node.Items, element.node)
	default:
		t.addDuplicate(key.Position(), child.key.Position())
	}
	return element
}
