package document

import (
	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/diag"
)

// A tree makes nodes of those of the YAML parser: it follows aliases and applies
// merge keys. An alias shares the node of its anchor, so that memory is bounded;
// what a walk over all would visit is counted, and bounded by a budget.
type tree struct {
	*yamlReading
	built   map[*yaml.Node]*Node // of the anchors that are complete
	extents map[*Node]extent
	copies  int  // the members that merge keys have copied
	budget  int  // for those, and for the values of a document
	broken  bool // nothing can be made of the file, a finding says so
}

// An extent is how much a walk from a node would visit, and how deep.
type extent struct{ size, height int }

func (e *extent) add(part extent) {
	e.size += part.size
	e.height = max(e.height, part.height+1)
}

// maxExpansion is how many values a file may have that are there by alias.
const maxExpansion = 200_000

func newTree(r *yamlReading) *tree {
	return &tree{
		yamlReading: r,
		built:       map[*yaml.Node]*Node{},
		extents:     map[*Node]extent{},
		budget:      maxExpansion + len(r.source.text),
	}
}

// build returns the node of n, which is nested in depth others.
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

// follow returns the node that an alias stands for.
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

// breakOff ends the reading.
func (t *tree) breakOff(at diag.Position, rule, message string) {
	if !t.broken {
		t.add(at, rule, message, "")
	}
	t.broken = true
}
