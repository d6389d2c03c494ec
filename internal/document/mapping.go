package document

import "go.yaml.in/yaml/v4"

// fill adds the members of a mapping: its own first, then those of its merge keys that it does not define.
func (t *tree) fill(node *Node, n *yaml.Node, depth int) {
	t.findTemplateMapping(n)
	var merged []*Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		m := Member{Key: t.build(key, depth+1), Value: t.build(value, depth+1)}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, m.Value)
			continue
		}
		if m.Value.Kind == Null && m.Value.Text == "" && value.Kind != yaml.AliasNode {
			m.Value.line, m.Value.column = m.Key.line, m.Key.column // an empty value has no character of its own
		}
		t.checkZero(m)
		node.Members = append(node.Members, m)
	}
	if t.broken {
		return
	}
	t.findDuplicates(node)
	for _, from := range merged {
		t.merge(node, from)
	}
}

// merge adds the members of a mapping, or of the mappings in a list, that node does not define.
func (t *tree) merge(node, from *Node) {
	sources := []*Node{from}
	if from.Kind == Sequence {
		sources = from.Items
	}
	has := map[identity]bool{}
	for _, m := range node.Members {
		has[identityOf(m.Key)] = true
	}
	for _, source := range sources {
		if source.Kind != Mapping && !t.broken {
			t.add(source.Position(), ruleSyntax, "a merge key << without a mapping", "quote \"<<\" if it is an ordinary key")
			continue
		}
		for _, m := range source.Members {
			t.copies++
			if t.copies > t.budget {
				t.breakOff(node.Position(), ruleExpansion, "merge keys expand to far more values than the file has")
				return
			}
			if id := identityOf(m.Key); !has[id] {
				has[id] = true
				node.Members = append(node.Members, m)
			}
		}
	}
}

// findTemplateMapping finds {{ name }}, which YAML reads as a mapping whose key is a mapping.
func (t *tree) findTemplateMapping(n *yaml.Node) {
	if t.options.Templates || n.Style&yaml.FlowStyle == 0 || len(n.Content) == 0 {
		return
	}
	inner := n.Content[0]
	if inner.Kind == yaml.MappingNode && inner.Style&yaml.FlowStyle != 0 && inner.Line == n.Line && inner.Column == n.Column+1 {
		t.add(t.at(n.Line, n.Column), ruleTemplate, "{{ }}: an unrendered template", hintRender)
	}
}
