package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/plan"
)

// A failure is what a person reads about one error.
type failure struct {
	text, hint string
	attrs      []any // for a log
}

// describe returns a failure for each error that err joins.
func (r *reporter) describe(err error) []failure {
	var all []failure
	for _, e := range diag.Flatten(err) {
		all = append(all, r.describeOne(e)...)
	}
	return all
}

// describeOne returns the failures of an error that joins no others; a step may have several.
func (r *reporter) describeOne(err error) []failure {
	if e, ok := err.(*probe.NotReadyError); ok { //nolint:errorlint // what it wraps is in its text
		return []failure{describeNotReady(e)}
	}
	if e, ok := err.(*plan.StepError); ok { //nolint:errorlint // as above
		all := r.describe(e.Err)
		for i := range all {
			all[i].text = "step " + e.Name + ": " + all[i].text
			all[i].attrs = append(all[i].attrs, "step", e.Name)
		}
		return all
	}
	f := failure{text: err.Error(), hint: usererr.Hint(err)}
	switch _, usage := errors.AsType[*usageError](err); {
	case usage:
		f.hint = cmp.Or(f.hint, r.usageHint())
	case isVerification(err):
		f.hint = "nothing was kept; check that the digest is that of this version, and that the file on the server was not replaced"
	}
	return []failure{f}
}

// usageHint names the help that explains a usage error.
func (r *reporter) usageHint() string {
	return `run "` + strings.TrimSpace("inith help "+r.helps) + `" for the usage`
}

func describeNotReady(e *probe.NotReadyError) failure {
	f := failure{text: e.Error(), attrs: []any{"target", e.Target.Name, "attempt", e.Attempts, "elapsed_seconds", view.Seconds(e.Elapsed)}}
	var hints []string
	if e.Err != nil && dialed(e) {
		hints = append(hints, e.Trace.String())
	}
	if hint := probe.Hint(cmp.Or(e.Longest, e.Err)); hint != "" {
		hints = append(hints, hint)
	}
	f.hint = strings.Join(hints, "; ")
	return f
}

// dialed reports whether the connection is of interest: a file, a command and a name have none, and where the API server
// has answered, an object of Kubernetes is the matter.
func dialed(e *probe.NotReadyError) bool {
	if e.Target.Kind == "k8s" {
		return len(e.Trace.Addresses) > 0 && !e.Trace.Answered
	}
	return !slices.Contains([]string{"file", "exec", "dns"}, e.Target.Kind)
}

// lines returns failures as they are printed, each line with the prefix. A hint that several have in common follows the
// last of them.
func lines(failures []failure, prefix string) string {
	var b strings.Builder
	for i, f := range failures {
		fmt.Fprintf(&b, "%serror: %s\n", prefix, redact.Line(f.text))
		if f.hint != "" && (i+1 == len(failures) || failures[i+1].hint != f.hint) {
			fmt.Fprintf(&b, "%shint: %s\n", prefix, redact.Line(f.hint))
		}
	}
	return b.String()
}

// firstFindings returns the first problems of a validation, for those who see the termination log alone.
func firstFindings(err error) []failure {
	const maximum = 3
	var first []failure
	findings := isFindings(err)
	for _, f := range findings[:min(maximum, len(findings))] {
		first = append(first, failure{text: view.Headline(f.Problem), hint: f.Hint})
	}
	return first
}
