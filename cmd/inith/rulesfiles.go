package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// fileTable is an entry of "files" in rules.yaml.
func fileTable() option.Table[validate.FileRule] {
	type file = validate.FileRule
	return option.Table[file]{
		Keys: slices.Concat([]option.Key[file]{
			{Name: "path", Usage: "the file; with a trailing slash, a folder: then each file in it", Required: true, Set: func(f *file, v option.Value) error {
				f.Path, f.Folder = v.Text, strings.HasSuffix(v.Text, "/")
				return nil
			}},
			{Name: "format", Usage: "what it is written in, if its extension does not tell", Choices: []string{"yaml", "json", "jsonc", "toml", "dotenv", "pem", "text"}, Set: func(f *file, v option.Value) error {
				f.Format = validate.Format(v.Text)
				return nil
			}},
			{Name: "appearWithin", Usage: "how long it may be missing or empty", Set: func(f *file, v option.Value) (err error) {
				f.AppearWithin, err = parseDuration(v.Text)
				return err
			}},
			{Name: "allowEmpty", Kind: option.Bool, Usage: "it may be empty", Set: func(f *file, v option.Value) error { f.AllowEmpty = v.Yes; return nil }},
			{Name: "minSize", Usage: "its least size, such as 1KiB", Set: func(f *file, v option.Value) (err error) { f.MinSize, err = bytesize.Parse(v.Text); return err }},
			{Name: "maxSize", Usage: "its largest size, such as 10MiB", Set: func(f *file, v option.Value) (err error) { f.MaxSize, err = bytesize.Parse(v.Text); return err }},
			{Name: "modeMax", Kind: option.Digits, Usage: "the widest permission bits, in octal", Set: func(f *file, v option.Value) (err error) { f.ModeMax, err = parseMode(v.Text); return err }},
			{Name: "as", Kind: option.Digits, Usage: "who has to be able to read it: UID[:GID[,GROUP...]]", Set: func(f *file, v option.Value) (err error) { f.As, err = validate.ParseIdentity(v.Text); return err }},
			{Name: "sha256", Kind: option.Digits, Usage: "its digest, in hexadecimal", Set: func(f *file, v option.Value) error {
				if !regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString(v.Text) {
					return errors.New("want 64 hexadecimal digits")
				}
				f.SHA256 = strings.ToLower(v.Text)
				return nil
			}},
			{Name: "yamlCompat", Usage: "the version of YAML of the application's parser", Choices: []string{"1.1", "1.2"}, Set: func(f *file, v option.Value) (err error) { f.YAML11, err = yamlCompat(v.Text); return err }},
			{Name: "templates", Kind: option.Bool, Usage: "templates in it are meant to be there", Set: func(f *file, v option.Value) error { f.Templates = v.Yes; return nil }},
			option.Mapping("secret", "it holds one secret, and nothing around it", secretTable(), func(f *file) *validate.SecretRule {
				f.Secret = &validate.SecretRule{}
				return f.Secret
			}),
		}, contentKeys()),
		Short: "path",
	}
}

// contentKeys are about what is in a file with keys.
func contentKeys() []option.Key[validate.FileRule] {
	type file = validate.FileRule
	return []option.Key[file]{
		{Name: "require", Kind: option.Texts, Usage: "keys that have to have a value, such as server.port", Set: func(f *file, v option.Value) error {
			path, err := validate.ParsePath(v.Text)
			f.Checks = append(f.Checks, validate.Require{Keys: []validate.Path{path}})
			return err
		}},
		{Name: "forbid", Kind: option.Texts, Usage: "keys that must not be there", Set: func(f *file, v option.Value) error {
			path, err := validate.ParsePath(v.Text)
			f.Checks = append(f.Checks, validate.Forbid{Keys: []validate.Path{path}})
			return err
		}},
		{Name: "oneOf", Kind: option.Texts, Usage: "keys of which exactly one has to be there", Set: func(f *file, v option.Value) error {
			path, err := validate.ParsePath(v.Text)
			addToOneOf(f, path)
			return err
		}},
		{Name: "types", Kind: option.TextMap, Usage: "the types of keys, if they are there: " + strings.Join(validate.TypeNames(), ", "), Choices: validate.TypeNames(), Set: func(f *file, v option.Value) error {
			path, err := validate.ParsePath(v.Name)
			if err != nil {
				return err
			}
			t, err := validate.ParseType(v.Text)
			f.Checks = append(f.Checks, validate.Types{Keys: []validate.KeyType{{Key: path, Type: t}}})
			return err
		}},
		{Name: "schema", Usage: "the file of a JSON Schema (drafts 7 and 2020-12) that it has to match", Set: func(f *file, v option.Value) error {
			s, err := validate.CompileSchema(v.Text)
			f.Checks = append(f.Checks, s)
			return err
		}},
		{Name: "assert", Kind: option.Texts, Usage: "what has to hold, such as server.port in 1..65535", Set: func(f *file, v option.Value) error {
			a, err := validate.ParseAssertion(v.Text)
			f.Checks = append(f.Checks, validate.Assert{Assertions: []validate.Assertion{a}})
			return err
		}},
	}
}

// addToOneOf adds a key to those of which a file has to have one.
func addToOneOf(f *validate.FileRule, key validate.Path) {
	for i, c := range f.Checks {
		if one, ok := c.(validate.OneOf); ok {
			f.Checks[i] = validate.OneOf{Keys: append(one.Keys, key)}
			return
		}
	}
	f.Checks = append(f.Checks, validate.OneOf{Keys: []validate.Path{key}})
}

func secretTable() option.Table[validate.SecretRule] {
	return option.Table[validate.SecretRule]{Keys: []option.Key[validate.SecretRule]{
		{Name: "minLength", Kind: option.Number, Usage: "its least length, in characters", Set: func(s *validate.SecretRule, v option.Value) (err error) {
			s.MinLength, err = positive(v.Number)
			return err
		}},
	}}
}
