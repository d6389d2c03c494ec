package validate

import (
	"context"
	"strings"

	"github.com/inith/inith/internal/document"
)

// Forbid requires that none of the keys exists, not even with null.
type Forbid struct{ Keys []Path }

// Check implements [Check].
func (f Forbid) Check(_ context.Context, in Input) ([]Problem, error) {
	var problems []Problem
	for _, root := range in.documents {
		for _, key := range f.Keys {
			if n := key.path.Find(root).Value; n != nil {
				problems = append(problems, problemAt(in, n, "forbidden-key", key.String()+" is not allowed", "remove it"))
			}
		}
	}
	return problems, nil
}

// OneOf requires exactly one of the keys.
type OneOf struct{ Keys []Path }

// Check implements [Check].
func (o OneOf) Check(_ context.Context, in Input) ([]Problem, error) {
	if in.documents == nil {
		return nil, nil
	}
	var names []string
	var there []*document.Node
	for _, key := range o.Keys {
		names = append(names, key.String())
		if n := find(in, key.path).Value; n != nil {
			there = append(there, n)
		}
	}
	list := strings.Join(names, ", ")
	switch {
	case len(there) > 1:
		return []Problem{problemAt(in, there[1], "one-of", "more than one of "+list+" is present", "keep one")}, nil
	case len(there) == 0 && len(in.documents) > 0:
		return []Problem{problemAt(in, in.documents[0], "one-of", "none of "+list+" is present", "add one")}, nil
	case len(there) == 0:
		return []Problem{problemAt(in, nil, "one-of", "none of "+list+" is present", "add one")}, nil
	}
	return nil, nil
}
