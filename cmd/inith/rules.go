package main

import (
	"errors"
	"time"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// readRules reads the rules.yaml that a flag names. All mistakes are told, with
// line and column.
func readRules(flag, name string) (validate.Rules, error) {
	var rules validate.Rules
	b, err := readFile(name)
	if err != nil {
		return rules, usagef("--%s: cannot read %q: %w", flag, name, err)
	}
	root, err := option.Parse(b)
	switch {
	case err != nil:
		return rules, placed(name, err)
	case root == nil:
		return rules, usagef("%s: no rules are in it", name)
	}
	rules, mistakes := option.ReadMapping(root, rulesTable())
	return rules, usageMistakes(name, mistakes)
}

// rulesTable is rules.yaml. All its keys are literal tables: the documentation and
// the JSON Schema are held to them.
func rulesTable() option.Table[validate.Rules] {
	return option.Table[validate.Rules]{Keys: []option.Key[validate.Rules]{
		option.List("files", "files, and what they have to be", fileTable(), func(r *validate.Rules, f validate.FileRule) { r.Files = append(r.Files, f) }),
		option.List("tls", "certificates, and what belongs to them", tlsTable(), func(r *validate.Rules, t validate.TLSRule) { r.TLS = append(r.TLS, t) }),
		option.Map("env", "variables of inith's environment, by name", envTable(), func(r *validate.Rules, name string, e validate.EnvRule) error {
			if !isVariableName(name) {
				return errors.New("want the name of a variable")
			}
			e.Name = name
			r.Env = append(r.Env, e)
			return nil
		}),
	}}
}

func positive(n int64) (int, error) {
	if n < 1 || n > 1<<30 {
		return 0, errors.New("must be 1 or more")
	}
	return int(n), nil
}

func parseDuration(s string) (time.Duration, error) {
	v := &durationValue{}
	err := v.Set(s)
	return v.d, err
}
