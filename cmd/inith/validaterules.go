package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
	"github.com/inith/inith/tasks/validate"
)

// allRules returns what the options, the rules file and, in a step, the rules of the plan ask for.
func (o *validateOptions) allRules(given option.Given) (validate.Rules, error) {
	rules := o.rules
	if o.rulesFile != "" {
		read, err := rulesfile.Read(given.Name("rules"), o.rulesFile)
		if err != nil {
			return rules, err
		}
		rules.Files, rules.TLS, rules.Env = append(rules.Files, read.Files...), append(rules.TLS, read.TLS...), append(rules.Env, read.Env...)
		rules.Ignore = append(rules.Ignore, read.Ignore...)
	}
	files, err := o.namedFiles()
	if err != nil {
		return rules, err
	}
	rules.Files = append(rules.Files, files...)
	for _, name := range o.requireEnv {
		if !environment.IsName(name) {
			return rules, given.Errorf("require-env", "want the name of an environment variable, not its value")
		}
		rules.Env = append(rules.Env, validate.EnvRule{Name: name})
	}
	o.override(&rules)
	return rules, nil
}

// override applies the options that are for all files.
func (o *validateOptions) override(rules *validate.Rules) {
	for i := range rules.Files {
		f := &rules.Files[i]
		f.ModeMax, f.ReadableBy = cmp.Or(o.modeMax, f.ModeMax), cmp.Or(o.readableBy, f.ReadableBy)
		f.AppearWithin = cmp.Or(o.appearWithin, f.AppearWithin)
		f.Templates = f.Templates || o.templates
		if o.yamlCompat != "" {
			f.YAML11 = o.yamlCompat == "1.1"
		}
	}
	for i := range rules.TLS {
		r := &rules.TLS[i]
		r.ReadableBy, r.AppearWithin = cmp.Or(o.readableBy, r.ReadableBy), cmp.Or(o.appearWithin, r.AppearWithin)
	}
}

// namedFiles returns what the command line says of files, in their order.
func (o *validateOptions) namedFiles() ([]validate.FileRule, error) {
	n := &named{format: validate.Format(o.inputFormat)}
	for _, path := range o.files {
		n.file(path)
	}
	for _, s := range o.require {
		path, key := n.cutFile(s)
		f, err := n.structured("--require", path)
		if err != nil {
			return nil, err
		}
		keys, err := parseKeys(key)
		if err != nil {
			return nil, fmt.Errorf("--require: %w", err)
		}
		f.Checks = append(f.Checks, validate.Require{Keys: keys})
	}
	if o.schema != "" {
		f, err := n.structured("--schema", "")
		if err != nil {
			return nil, err
		}
		s, err := validate.CompileSchema(o.schema)
		if err != nil {
			return nil, fmt.Errorf("--schema: %w", err)
		}
		f.Checks = append(f.Checks, s)
	}
	for _, path := range o.secrets {
		f := n.file(path)
		f.Secret = &validate.SecretRule{}
		if !slices.Contains(o.files, path) {
			f.Format = ""
		}
	}
	return n.files, nil
}

// parseKeys reads keys that are separated by commas. A comma in quotes belongs to a key.
func parseKeys(list string) (keys []validate.Path, err error) {
	quoted := false
	isSeparator := func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	}
	for _, key := range strings.FieldsFunc(list, isSeparator) {
		path, err := validate.ParsePath(strings.TrimSpace(key))
		if err != nil {
			return nil, err
		}
		keys = append(keys, path)
	}
	if len(keys) == 0 {
		return nil, errors.New("want a key such as server.port")
	}
	return keys, nil
}

// named are the files of a command line, each once.
type named struct {
	files  []validate.FileRule
	format validate.Format // of each; "" for that of its name
}

func (n *named) file(path string) *validate.FileRule {
	i := slices.IndexFunc(n.files, func(f validate.FileRule) bool { return f.Path == path })
	if i < 0 {
		i = len(n.files)
		n.files = append(n.files, validate.FileRule{Path: path, Directory: true, Format: n.format})
	}
	return &n.files[i]
}

// structured returns the file that an option is about: the one that it names, else
// the only one that can have keys.
func (n *named) structured(flag, path string) (*validate.FileRule, error) {
	if path != "" {
		if !n.isStructured(path) {
			return nil, fmt.Errorf("%s: %q has no extension of a file with keys (.yaml, .json, .jsonc, .toml, .env): --input-format names its format", flag, path)
		}
		return n.file(path), nil
	}
	var only *validate.FileRule
	count := 0
	for i, f := range n.files {
		if n.isStructured(f.Path) {
			only = &n.files[i]
			count++
		}
	}
	if count != 1 {
		return nil, fmt.Errorf("%s needs exactly one FILE that can have keys (.yaml, .json, .jsonc, .toml, .env), and there are %d; --require FILE:KEY names its own", flag, count)
	}
	return only, nil
}

// cutFile cuts FILE:KEY. The file is "" if there is none; in a key, a colon stands
// in quotes.
func (n *named) cutFile(s string) (path, key string) {
	for _, f := range n.files {
		if key, ok := strings.CutPrefix(s, f.Path+":"); ok {
			return f.Path, key
		}
	}
	end := len(s)
	if i := strings.IndexByte(s, '"'); i >= 0 {
		end = i
	}
	i := strings.LastIndexByte(s[:end], ':')
	return s[:max(0, i)], s[i+1:]
}

func (n *named) isStructured(path string) bool {
	switch cmp.Or(n.format, validate.FormatOf(path)) {
	case validate.PEM, validate.Text:
		return false
	default:
		return true
	}
}
