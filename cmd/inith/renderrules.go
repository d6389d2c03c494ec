package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/inith/inith/tasks/render"
	"github.com/inith/inith/tasks/validate"
)

// resultRules returns what holds results against the rules in a file. A result
// without a rule has to be well-formed, as its name says.
func (p *process) resultRules(name string) (func(context.Context, []render.Content) error, error) {
	rules, err := readRules("rules", name)
	if err != nil {
		return nil, err
	}
	if len(rules.TLS)+len(rules.Env) > 0 {
		return nil, usagef("%s: tls and env are for inith validate: these rules are for the results of render", name)
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
			writeText(p.stderr, report) // the standard output may be for a result, or the command's
			return &findingsError{report.Findings}
		}
		return nil
	}, nil
}

// filesOf gives each result its rules. A rule for a file that is no result is a
// mistake, of which nobody would hear otherwise.
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
