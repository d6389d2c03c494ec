package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/tasks/validate"
)

// rulesOf returns what the command line and the rules file ask for, besides others.
func rulesOf(c *cli.Context, besides validate.Rules) (validate.Rules, error) {
	rules := besides
	if name := c.String("file"); name != "" {
		read, err := readRules("file", name)
		if err != nil {
			return rules, err
		}
		rules.Files, rules.TLS, rules.Env = append(rules.Files, read.Files...), append(rules.TLS, read.TLS...), append(rules.Env, read.Env...)
	}
	files, err := namedFiles(c)
	if err != nil {
		return rules, err
	}
	rules.Files = append(rules.Files, files...)
	for name := range strings.FieldsSeq(strings.Join(c.StringSlice("require-env"), " ")) {
		if !isVariableName(name) {
			return rules, usagef("--require-env wants the name of a variable, not its value")
		}
		rules.Env = append(rules.Env, validate.EnvRule{Name: name})
	}
	return rules, overrule(c, &rules)
}

func isVariableName(s string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(s)
}

// overrule applies the options that are for all files: they beat the rules.
func overrule(c *cli.Context, rules *validate.Rules) error {
	mode, err := parseMode(c.String("mode-max"))
	if err != nil {
		return usagef("--mode-max: %w", err)
	}
	var as *validate.Identity
	if s := c.String("as"); s != "" {
		if as, err = validate.ParseIdentity(s); err != nil {
			return usagef("--as: %w", err)
		}
	}
	yaml11, err := yamlCompat(c.String("yaml-compat"))
	if err != nil {
		return usagef("--yaml-compat: %w", err)
	}
	within := duration(c, "appear-within")
	for i := range rules.Files {
		f := &rules.Files[i]
		f.ModeMax, f.As = orElse(mode, f.ModeMax), orElse(as, f.As)
		f.AppearWithin = orElse(within, f.AppearWithin)
		if c.String("yaml-compat") != "" {
			f.YAML11 = yaml11
		}
	}
	for i := range rules.TLS {
		r := &rules.TLS[i]
		r.As, r.AppearWithin = orElse(as, r.As), orElse(within, r.AppearWithin)
	}
	return nil
}

// orElse returns the first value that is not zero.
func orElse[T comparable](first, second T) T {
	var zero T
	if first != zero {
		return first
	}
	return second
}

func yamlCompat(s string) (yaml11 bool, err error) {
	switch s {
	case "", "1.2":
		return false, nil
	case "1.1":
		return true, nil
	}
	return false, errors.New("want 1.1 or 1.2")
}

// namedFiles returns what the command line says of files, in their order.
func namedFiles(c *cli.Context) ([]validate.FileRule, error) {
	n := &named{}
	for _, path := range c.Args().Slice() {
		n.file(path)
	}
	for _, s := range c.StringSlice("require") {
		path, key := n.cutFile(s)
		f, err := n.structured("--require", path)
		if err != nil {
			return nil, err
		}
		parsed, err := validate.ParsePath(key)
		if err != nil {
			return nil, usagef("--require: %w", err)
		}
		f.Checks = append(f.Checks, validate.Require{Keys: []validate.Path{parsed}})
	}
	if name := c.String("schema"); name != "" {
		f, err := n.structured("--schema", "")
		if err != nil {
			return nil, err
		}
		s, err := validate.CompileSchema(name)
		if err != nil {
			return nil, &usageError{err}
		}
		f.Checks = append(f.Checks, s)
	}
	for _, path := range c.StringSlice("secret") {
		n.file(path).Secret = &validate.SecretRule{}
	}
	return n.files, nil
}

// named are the files of a command line, each once.
type named struct{ files []validate.FileRule }

func (n *named) file(path string) *validate.FileRule {
	i := slices.IndexFunc(n.files, func(f validate.FileRule) bool { return f.Path == path })
	if i < 0 {
		i = len(n.files)
		n.files = append(n.files, validate.FileRule{Path: path, Folder: true})
	}
	return &n.files[i]
}

// structured returns the file that an option is about: the one that it names, else
// the only one that can have keys.
func (n *named) structured(option, path string) (*validate.FileRule, error) {
	if path != "" {
		if !isStructured(path) {
			return nil, usagef("%s: %q has no extension of a file with keys (.yaml, .json, .jsonc, .toml, .env): rules can name its format", option, path)
		}
		return n.file(path), nil
	}
	var only *validate.FileRule
	count := 0
	for i, f := range n.files {
		if isStructured(f.Path) {
			only = &n.files[i]
			count++
		}
	}
	if count != 1 {
		return nil, usagef("%s needs exactly one FILE that can have keys (.yaml, .json, .jsonc, .toml, .env), and there are %d; --require FILE:KEY names its own", option, count)
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

func isStructured(path string) bool {
	switch validate.FormatOf(path) {
	case validate.PEM, validate.Text:
		return false
	default:
		return true
	}
}
