package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/tasks/render"
	"github.com/inith/inith/tasks/validate"
)

// outputRules returns what validates output against the rules in a file. Output
// without a rule must be well-formed, as its name says.
func outputRules(name string, stderr io.Writer, given option.Given) (func(context.Context, []render.Content) error, error) {
	rules, err := rulesfile.Read(given.Name("rules"), name)
	if err != nil {
		return nil, err
	}
	if len(rules.TLS)+len(rules.Env) > 0 {
		return nil, fmt.Errorf("%s: tls and env are for inith validate: these rules are for the results of render", name)
	}
	return func(ctx context.Context, results []render.Content) error {
		files, err := filesOf(name, rules.Files, results)
		if err != nil {
			return err
		}
		report, err := (&validate.Validator{Rules: validate.Rules{Files: files}}).Run(ctx)
		if err != nil {
			return err
		}
		if len(report.Findings) > 0 {
			if err := view.WriteFindings(stderr, "text", report); err != nil { // stdout may be for the output, or that of CMD
				return err
			}
			return &findingsError{report.Findings}
		}
		return nil
	}, nil
}

// filesOf gives each result its rules. A rule for a file that is no result is an error: nobody would notice it
// otherwise.
func filesOf(name string, rules []validate.FileRule, results []render.Content) ([]validate.FileRule, error) {
	byPath := map[string][]validate.FileRule{}
	for _, rule := range rules {
		path := filepath.Clean(rule.Path)
		byPath[path] = append(byPath[path], rule)
	}
	var files []validate.FileRule
	for _, r := range results {
		path := filepath.Clean(r.Path)
		own, ok := byPath[path]
		if !ok {
			own = []validate.FileRule{{Path: r.Path, AllowEmpty: true}}
		}
		delete(byPath, path)
		for _, rule := range own {
			rule.Path, rule.Content = r.Path, append([]byte{}, r.Data...)
			files = append(files, rule)
		}
	}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		errs = append(errs, usagef("%s: no result has the path %q", name, path))
	}
	return files, errors.Join(errs...)
}
