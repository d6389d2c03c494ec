package validate

import (
	"context"
	"strings"

	"github.com/inith/inith/internal/document"
)

// Require requires a value for each key: not null, not empty, not a placeholder. Of several documents, one must have
// it.
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
		problems = append(problems, withoutContent(in, key, found.Value)...)
	}
	return problems, nil
}

// withoutContent returns a problem if the value is null, empty or a placeholder.
func withoutContent(in Input, key Path, n *document.Node) []Problem {
	var rule, message, hint string
	found, isReference := unresolved(n.Text)
	switch {
	case n.Kind == document.Null:
		rule, message = "null-value", " has no value"
	case n.Kind == document.String && strings.TrimSpace(n.Text) == "":
		rule, message = "empty-value", " is empty"
	case n.Kind == document.Sequence && len(n.Items) == 0, n.Kind == document.Mapping && len(n.Members) == 0:
		rule, message = "empty-value", " is "+kindOf(n)+" without entries"
	case n.Kind == document.String && isPlaceholder(n.Text):
		rule, message = "placeholder", " is a placeholder"
	case n.Kind == document.String && isReference && !strings.ContainsAny(n.Text, "{"): // which the format has reported
		rule, message, hint = ruleUnresolved, " is not resolved: "+found.what, found.hint
	default:
		return nil
	}
	return []Problem{problemAt(in, n, rule, key.String()+message, hint)}
}
