package validate

import (
	"context"

	"github.com/inith/inith/tasks/validate/schema"
)

// Schema is met by a file all of whose documents are valid against a JSON Schema.
type Schema struct{ Schema *schema.Schema }

// Check implements [Check]. Its error is [schema.ErrTooComplex].
func (s Schema) Check(_ context.Context, in Input) ([]Problem, error) {
	var problems []Problem
	for _, root := range in.Documents {
		violations, err := s.Schema.Validate(root)
		if err != nil {
			return nil, err
		}
		for _, v := range violations {
			problems = append(problems, Problem{
				Path: in.Path, Line: v.Line, Column: v.Column, Rule: "schema", Message: v.Message + " (" + v.Keyword + ")",
			})
		}
	}
	return problems, nil
}
