// Package rulesfile reads rules.yaml: what inith validate must check.
package rulesfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/tasks/validate"
)

// Read returns the rules of a file that an option names. It reports all errors, with line and column.
func Read(optionName, name string) (validate.Rules, error) {
	b, err := option.ReadFile(name)
	if err != nil {
		return validate.Rules{}, fmt.Errorf("%s: cannot read %q: %w", optionName, name, err)
	}
	root, err := option.Parse(b)
	switch {
	case err != nil:
		return validate.Rules{}, option.InFileAt(name, err)
	case root == nil:
		return validate.Rules{}, fmt.Errorf("%s: the file has no rules", name)
	}
	rules, problems := option.ReadMapping(root, Table())
	return rules, option.InFile(name, problems)
}

// Table is rules.yaml.
func Table() option.Table[*validate.Rules] {
	type rules = validate.Rules
	return option.Table[*rules]{Options: []option.Option[*rules]{
		option.List("files", "files, and what they must be", FileTable(), func(r *rules, f *validate.FileRule) { r.Files = append(r.Files, *f) }),
		option.List("tls", "certificates, and what belongs to them", TLSTable(), func(r *rules, t *validate.TLSRule) { r.TLS = append(r.TLS, *t) }),
		option.Map("env", "environment variables of inith, by name", EnvTable(), func(r *rules, name string, e *validate.EnvRule) error {
			if !environment.IsName(name) {
				return errors.New("want the name of an environment variable")
			}
			e.Name = name
			r.Env = append(r.Env, *e)
			return nil
		}),
		{
			Key: "ignore", Kind: option.StringOrStrings,
			Usage: "rules whose problems are not reported",
			Set:   ToRules(func(r *rules) *[]string { return &r.Ignore }),
		},
	}}
}

// ToRules adds the names of rules, separated by commas, to a list.
func ToRules[P any](at func(P) *[]string) func(P, option.Value) error {
	return func(into P, v option.Value) error {
		var known []string
		for _, r := range validate.KnownRules() {
			known = append(known, r.Name)
		}
		for name := range strings.SplitSeq(v.Str, ",") {
			name = strings.TrimSpace(name)
			if !slices.Contains(known, name) {
				return errors.New("want the names of rules, such as unrendered-template" + suggest.DidYouMean(name, known))
			}
			*at(into) = append(*at(into), name)
		}
		return nil
	}
}
