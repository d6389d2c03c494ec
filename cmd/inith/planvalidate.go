package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// A validateWork is "validate" in a step: rules, as in rules.yaml.
type validateWork struct {
	options

	rules validate.Rules
}

func (p *process) validateTable() option.Table[validateWork] {
	// What is for a FILE of the command line is a key of an entry of files.
	without := []string{"require", "schema", "format", "init"}
	return option.Table[validateWork]{
		Keys: append(
			option.Within(rulesTable().Keys, func(w *validateWork) *validate.Rules { return &w.rules }),
			optionKeys(p, validateCommand(p), func(w *validateWork) *options { return &w.options }, without...)...),
		Short: "files",
	}
}

func (w *validateWork) open(ctx context.Context, p *process) (stepJob, error) {
	var job *validateJob
	err := w.parse(ctx, p, "validate", nil, func(c *cli.Context) (err error) {
		job, err = p.newValidateJob(c, w.rules)
		return err
	})
	return job, err
}

func (j *validateJob) describe() string {
	var all []string
	for _, f := range j.validator.Rules.Files {
		all = append(all, f.Path)
	}
	for _, t := range j.validator.Rules.TLS {
		all = append(all, orElse(t.Cert, t.Key))
	}
	for _, e := range j.validator.Rules.Env {
		all = append(all, "$"+e.Name)
	}
	return strings.Join(all, ", ")
}

// Run validates, as a step of a plan: problems are told on stderr.
func (j *validateJob) Run(ctx context.Context) error {
	report, err := j.validate(ctx)
	if err == nil && len(report.Findings) > 0 {
		writeText(j.stderr, report)
		return &findingsError{report.Findings}
	}
	return err
}
