package mask

import (
	"strconv"
	"strings"
)

// document masks the documents of one body. Strings at the same path of several documents, such as the deltas of a stream,
// are also searched together: a secret may be cut into tokens.
func (p *Pass) documents(all []*node) {
	for _, n := range all {
		p.fields(n, nil)
	}
	if len(all) > 1 {
		pieces := map[string][]*node{}
		for _, n := range all {
			collect(n, "", pieces)
		}
		for _, same := range pieces {
			p.joined(same)
		}
	}
	for _, n := range all {
		p.leaves(n, 0)
	}
}

// fields masks the members of objects whose names or paths are secret.
func (p *Pass) fields(n *node, path []string) {
	for i, member := range n.members {
		key := strconv.Itoa(i)
		if n.kind == '{' {
			key = n.names[i]
		}
		below := append(path, key)
		if (n.kind == '{' && p.m.isSecret(key) && member.isPlainSecret(key)) || p.m.isSecretPath(below) {
			if member.kind != 0 || member.text != "null" {
				*member = node{kind: '"', text: p.mark("field")}
			}
			continue
		}
		p.fields(member, below)
	}
}

// isPlainSecret leaves out objects called token, which model servers use for a token of text: their members are looked at
// one by one.
func (n *node) isPlainSecret(name string) bool {
	switch normalize(name) {
	case "token":
		return n.kind != '{' && n.kind != '['
	}
	return true
}

func (m *Masker) isSecretPath(path []string) bool {
	for _, want := range m.paths {
		if len(want) == len(path) && matches(want, path) {
			return true
		}
	}
	return false
}

func matches(want, path []string) bool {
	for i, w := range want {
		if w != "*" && w != path[i] {
			return false
		}
	}
	return true
}

// collect adds the strings of a document, by path.
func collect(n *node, path string, pieces map[string][]*node) {
	if n.kind == '"' {
		pieces[path] = append(pieces[path], n)
	}
	for i, member := range n.members {
		key := strconv.Itoa(i)
		if n.kind == '{' {
			key = n.names[i]
		}
		collect(member, path+"\x00"+key, pieces)
	}
}

// joined masks secrets that are cut into pieces: then the first piece holds the masked whole, and the others nothing.
func (p *Pass) joined(pieces []*node) {
	if len(pieces) < 2 {
		return
	}
	var b strings.Builder
	for _, n := range pieces {
		b.WriteString(n.text)
	}
	masked := p.value(b.String(), 0)
	if masked == b.String() {
		return
	}
	pieces[0].text = masked
	for _, n := range pieces[1:] {
		n.text = ""
	}
}

// leaves masks what the detectors find in names and values.
func (p *Pass) leaves(n *node, nesting int) {
	switch n.kind {
	case '"':
		n.text = p.value(n.text, nesting)
	case 0:
		if masked := p.Text(n.text); masked != n.text { // a card may be a number
			*n = node{kind: '"', text: masked}
		}
	}
	for i := range n.names {
		n.names[i] = p.Text(n.names[i])
	}
	for _, member := range n.members {
		p.leaves(member, nesting)
	}
}

// value masks a string, which may hold JSON itself, as the arguments of tools do.
func (p *Pass) value(s string, nesting int) string {
	const most = 4
	if nesting < most && looksLikeJSON(s) {
		if all, err := parse([]byte(s)); err == nil && len(all) == 1 {
			before := string(all[0].encode(len(s)))
			p.fields(all[0], nil)
			p.leaves(all[0], nesting+1)
			if after := string(all[0].encode(len(s))); after != before {
				return after
			}
		}
	}
	return p.Text(s)
}
