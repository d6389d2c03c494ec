package document

import (
	"bytes"

	"github.com/inith/inith/internal/diag"
)

// parseKubeEnv reads an environment file as the kubelet does for fileKeyRef: NAME='value', where the value has no
// escapes and may span lines.
func (r *reading) parseKubeEnv() ([]*Node, bool) {
	d := &dotenvReader{reading: r, text: r.source.text, root: r.node(Mapping, "", diag.Position{Line: 1, Column: 1})}
	for d.pos < len(d.text) {
		if d.full(d.source.position(d.pos)) {
			return nil, false
		}
		d.kubeLine()
		d.skipLine()
	}
	d.findDuplicates(d.root)
	return []*Node{d.root}, !d.broken
}

func (d *dotenvReader) kubeLine() {
	d.spaces()
	rest := d.rest()
	if len(rest) == 0 || rest[0] == '#' {
		return
	}
	name, value, ok := bytes.Cut(rest, []byte("="))
	switch {
	case !ok:
		d.fail(d.pos, "a line without =", "write NAME='value', and # before a comment")
		return
	case len(bytes.TrimRight(name, " \t")) < len(name), bytes.HasPrefix(value, []byte(" ")), bytes.HasPrefix(value, []byte("\t")):
		d.fail(d.pos, "spaces around =", "write NAME='value' without spaces")
		return
	case !isKubeName(name):
		d.fail(d.pos, "the name is not one of 1 to 128 printable ASCII characters without spaces", "write NAME='value'")
		return
	}
	key := d.node(String, string(name), d.source.position(d.pos))
	d.pos += len(name) + len("=")
	if !bytes.HasPrefix(value, []byte("'")) {
		d.fail(d.pos, "the value is not in single quotes, without which the kubelet rejects the file", "write NAME='value'")
		return
	}
	if n := d.kubeValue(); n != nil {
		d.root.Members = append(d.root.Members, Member{key, n})
	}
}

func isKubeName(name []byte) bool {
	const longest = 128
	printable := func(r rune) bool { return r > ' ' && r <= '~' }
	return len(name) > 0 && len(name) <= longest && bytes.IndexFunc(name, func(r rune) bool { return !printable(r) }) < 0
}

// kubeValue reads a value in single quotes.
func (d *dotenvReader) kubeValue() *Node {
	opening := d.pos
	length := bytes.IndexByte(d.text[opening+1:], '\'')
	if length < 0 {
		d.fail(opening, "the closing quote is missing at the end of the file", "close the quotes")
		d.pos = len(d.text)
		return nil
	}
	n := d.node(String, string(d.text[opening+1:opening+1+length]), d.source.position(opening))
	n.Untyped = true
	d.pos = opening + length + len("''")
	if rest := bytes.TrimLeft(d.rest(), " \t"); len(rest) > 0 && rest[0] != '#' {
		d.fail(d.pos, "unexpected characters after the closing quote", "a value in single quotes has no escapes, and no quote in it")
		return nil
	}
	return n
}
