package validate

import (
	"context"
	"os"

	"github.com/inith/inith/tasks/validate/internal/assert"
)

// Assert requires all assertions to hold. In a file with several documents, the first document that has the keys of
// an assertion counts.
type Assert struct{ Assertions []Assertion }

// Check implements [Check].
func (a Assert) Check(_ context.Context, in Input) ([]Problem, error) {
	if in.documents == nil {
		return nil, nil
	}
	var problems []Problem
	for _, assertion := range a.Assertions {
		assertion := assertion.assertion
		r := evaluate(in, assertion)
		if r.Holds {
			continue
		}
		problems = append(problems, failedAssertion(in, assertion, r))
	}
	return problems, nil
}

func evaluate(in Input, a *assert.Assertion) assert.Result {
	var first assert.Result
	for i, root := range in.documents {
		r := a.Eval(root, exists)
		if r.Missing == nil {
			return r
		}
		if i == 0 {
			first = r
		}
	}
	return first
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func failedAssertion(in Input, a *assert.Assertion, r assert.Result) Problem {
	message := "does not hold: " + a.String()
	switch {
	case r.Missing != nil:
		at, reason := whyMissing(*r.Missing)
		return problemAt(in, at, "assertion", message+": "+reason, "")
	case len(in.documents) == 0:
		return problemAt(in, nil, "assertion", message+": the file has no values", "")
	case r.Reason != "":
		message += ": " + r.Reason
	}
	at := r.Value
	if at == nil {
		at = in.documents[0]
	}
	return problemAt(in, at, "assertion", message, "")
}
