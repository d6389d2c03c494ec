package document

import (
	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
)

// A tree converts the nodes of the YAML parser: it follows aliases and applies merge keys. An alias shares the node
// of its anchor, so that memory is bounded. The number of values that a walk would visit is limited by a budget.
type tree struct {
	*yamlReading
	built   map[*yaml.Node]*Node // of the anchors that are complete
	extents map[*Node]extent
	copies  int  // the members that merge keys have copied
	budget  int  // for those, and for the values of a document
	broken  bool // the file is invalid; a finding says so
}

// An extent is the number of values below a node, and their depth.
type extent struct{ size, height int }

func (e *extent) add(part extent) {
	e.size += part.size
	e.height = max(e.height, part.height+1)
}

// maxExpansion is the number of values that a file may gain by aliases.
const maxExpansion = 200_000

func newTree(r *yamlReading) *tree {
	return &tree{
		yamlReading: r,
		built:       map[*yaml.Node]*Node{},
		extents:     map[*Node]extent{},
		budget:      maxExpansion + len(r.source.text),
	}
}

// build converts n, at a nesting depth.
func (t *tree) build(n *yaml.Node, depth int) *Node {
	at := t.at(n.Line, n.Column)
	node := t.node(Null, "", at)
	whole := extent{size: 1}
	switch {
	case t.broken:
		return node
	case depth > MaxDepth:
		t.breakOff(at, ruleDepth, "values are nested too deeply")
		return node
	case n.Kind == yaml.AliasNode:
		return t.follow(n, at, depth)
	case n.Kind == yaml.SequenceNode:
		node.Kind = Sequence
		for _, item := range n.Content {
			v := t.build(item, depth+1)
			whole.add(t.extents[v])
			node.Items = append(node.Items, v)
		}
	case n.Kind == yaml.MappingNode:
		node.Kind = Mapping
		t.fill(node, n, depth)
		for _, m := range node.Members {
			whole.add(t.extents[m.Key])
			whole.add(t.extents[m.Value])
		}
	default:
		node.Kind, node.Text = t.scalar(n, at)
	}
	if whole.size > t.budget {
		t.breakOff(at, ruleExpansion, "aliases expand to far more values than the file has")
	}
	t.extents[node] = whole
	if n.Anchor != "" {
		t.built[n] = node
	}
	return node
}

// follow returns the node of an alias's anchor.
func (t *tree) follow(alias *yaml.Node, at diag.Position, depth int) *Node {
	node, ok := t.built[alias.Alias]
	switch {
	case !ok:
		t.breakOff(at, ruleCycle, "an alias inside its own anchor")
		return &Node{}
	case depth+t.extents[node].height > MaxDepth:
		t.breakOff(at, ruleDepth, "values are nested too deeply")
	}
	return node
}

// breakOff stops the conversion.
func (t *tree) breakOff(at diag.Position, rule, message string) {
	if !t.broken {
		t.add(at, rule, message, "")
	}
	t.broken = true
}
