package document

import (
	"fmt"

	"github.com/inith/inith/internal/diag"
)

// An identity decides whether two keys are the same.
type identity struct {
	kind Kind
	text string
	node *Node // of a key that is no scalar: it equals only itself
}

func identityOf(key *Node) identity {
	if key.Kind == Sequence || key.Kind == Mapping {
		return identity{kind: key.Kind, node: key}
	}
	return identity{kind: key.Kind, text: key.Text}
}

// findDuplicates finds the duplicate keys of a mapping.
func (r *reading) findDuplicates(n *Node) {
	first := make(map[identity]*Node, len(n.Members))
	for _, m := range n.Members {
		id := identityOf(m.Key)
		if earlier := first[id]; earlier != nil {
			r.addDuplicate(m.Key.Position(), earlier.Position())
			continue
		}
		first[id] = m.Key
	}
}

func (r *reading) addDuplicate(at, earlier diag.Position) {
	r.add(at, ruleDuplicate, fmt.Sprintf("duplicate key, first defined at %d:%d", earlier.Line, earlier.Column), "keep one of them")
}
