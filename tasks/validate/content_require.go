package validate

import (
	"context"
	"strings"

	"github.com/inith/inith/internal/document"
)

// Require is met by a file that has values for all keys: not null, not empty, no
// placeholder. Of several documents one must have it.
type Require struct{ Keys []Path }

// Check implements [Check].
func (r Require) Check(_ context.Context, in Input) ([]Problem, error) {
	if in.documents == nil {
		return nil, nil
	}
	var problems []Problem
	for _, key := range r.Keys {
		found := find(in, key.path)
		if found.Value == nil {
			problems = append(problems, missing(in, key.path, found))
			continue
		}
		problems = append(problems, hollow(in, key, found.Value)...)
	}
	return problems, nil
}

// hollow returns the problem that a value is there, but says nothing.
func hollow(in Input, key Path, n *document.Node) []Problem {
	var rule, message string
	switch {
	case n.Kind == document.Null:
		rule, message = "null-value", " has no value"
	case n.Kind == document.String && strings.TrimSpace(n.Text) == "":
		rule, message = "empty-value", " is empty"
	case n.Kind == document.Sequence && len(n.Items) == 0, n.Kind == document.Mapping && len(n.Members) == 0:
		rule, message = "empty-value", " is "+kindOf(n)+" without entries"
	case n.Kind == document.String && isPlaceholder(n.Text):
		rule, message = "placeholder", " is a placeholder"
	default:
		return nil
	}
	return []Problem{problemAt(in, n, rule, key.String()+message, "")}
}
