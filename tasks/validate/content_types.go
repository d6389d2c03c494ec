package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/suggest"
)

// A Type is the type that a rule requires of a value.
type Type string

// TypeNames returns the names of all types, in the order in which messages list them.
func TypeNames() []string { return []string{"string", "int", "number", "bool", "list", "map"} }

// ParseType reads the name of a type.
func ParseType(name string) (Type, error) {
	if !slices.Contains(TypeNames(), name) {
		return "", fmt.Errorf("unknown type%s, want one of %s", suggest.DidYouMean(name, TypeNames()), strings.Join(TypeNames(), ", "))
	}
	return Type(name), nil
}

// A KeyType is the type that a key must have.
type KeyType struct {
	Key  Path
	Type Type
}

// Types requires types for keys. A missing key is allowed.
type Types struct{ Keys []KeyType }

// Check implements [Check].
func (t Types) Check(_ context.Context, in Input) ([]Problem, error) {
	var problems []Problem
	for _, root := range in.documents {
		for _, want := range t.Keys {
			n := want.Key.path.Find(root).Value
			if n == nil || want.Type.has(n.TypedKind()) {
				continue
			}
			message := fmt.Sprintf("%s is %s, not %s", want.Key, kindOf(n), want.Type.article())
			problems = append(problems, problemAt(in, n, "wrong-type", message, want.Type.hint(n)))
		}
	}
	return problems, nil
}

func (t Type) has(kind document.Kind) bool {
	kinds := map[Type][]document.Kind{
		"string": {document.String},
		"int":    {document.Int},
		"number": {document.Int, document.Float},
		"bool":   {document.Bool},
		"list":   {document.Sequence},
		"map":    {document.Mapping},
	}
	return slices.Contains(kinds[t], kind)
}

func (t Type) article() string {
	names := map[Type]string{"int": "an integer", "bool": "a boolean", "map": "a mapping"}
	if name, ok := names[t]; ok {
		return name
	}
	return "a " + string(t)
}

// hint suggests to add or remove quotes.
func (t Type) hint(n *document.Node) string {
	switch {
	case n.Kind == document.String && (t == "int" || t == "number" || t == "bool") && t.has(document.KindOf(n.Text)):
		return "remove the quotes"
	case t == "bool" && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(n.Text)):
		return "write true or false"
	case t == "string" && n.Kind != document.Sequence && n.Kind != document.Mapping && n.Kind != document.Null:
		return "quote it"
	}
	return ""
}
