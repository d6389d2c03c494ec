package rulesfile

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/tasks/validate"
)

var sha256Hex = lazyregexp.New(`^[0-9a-fA-F]{64}$`)

// FileTable is an entry of "files" in rules.yaml.
func FileTable() option.Table[*validate.FileRule] {
	type file = validate.FileRule
	return option.Table[*file]{
		Options: slices.Concat([]option.Option[*file]{
			{
				Key:   "path",
				Usage: "the file; with a trailing slash, a directory: each file in it", Required: true,
				Set: func(f *file, v option.Value) error {
					f.Path, f.Directory = v.Str, strings.HasSuffix(v.Str, "/")
					return nil
				},
			},
			{
				Key:   "format",
				Usage: "its format, if the extension does not tell it", Choices: validate.FormatNames(),
				Set: func(f *file, v option.Value) error {
					f.Format = validate.Format(v.Str)
					return nil
				},
			},
			option.Mapping("secret", "it holds one secret, and nothing around it", SecretTable(), func(f *file) *validate.SecretRule {
				f.Secret = &validate.SecretRule{}
				return f.Secret
			}),
		}, metadataKeys(), readingKeys(), contentKeys()),
		Short: "path",
	}
}

// metadataKeys are about the file as a whole.
func metadataKeys() []option.Option[*validate.FileRule] {
	type file = validate.FileRule
	return []option.Option[*file]{
		{
			Key: "appearWithin", Kind: option.Duration,
			Usage: "how long it may be missing or empty",
			Set:   option.ToDuration(func(f *file) *time.Duration { return &f.AppearWithin }),
		},
		{
			Key: "allowEmpty", Kind: option.Bool,
			Usage: "it may be empty",
			Set:   option.ToBool(func(f *file) *bool { return &f.AllowEmpty }),
		},
		{
			Key: "minSize", Kind: option.Size,
			Usage: "its minimum size, such as 1KiB",
			Set:   option.ToSize(func(f *file) *int64 { return &f.MinSize }),
		},
		{
			Key: "maxSize", Kind: option.Size,
			Usage: "its maximum size, such as 10MiB",
			Set:   option.ToSize(func(f *file) *int64 { return &f.MaxSize }),
		},
		{
			Key: "modeMax", Kind: option.Digits,
			Usage: "the maximum permission bits, in octal",
			Set:   option.Parsed(option.Mode, func(f *file) *fs.FileMode { return &f.ModeMax }),
		},
		{
			Key: "readableBy", Old: []string{"as"}, Kind: option.Digits,
			Usage: "who must be able to read it: UID[:GID[,GROUP...]]",
			Set:   option.Parsed(validate.ParseIdentity, func(f *file) **validate.Identity { return &f.ReadableBy }),
		},
		{
			Key: "sha256", Kind: option.Digits,
			Usage: "its digest, in hexadecimal",
			Set: func(f *file, v option.Value) error {
				if !sha256Hex().MatchString(v.Str) {
					return errors.New("want 64 hexadecimal digits")
				}
				f.SHA256 = strings.ToLower(v.Str)
				return nil
			},
		},
	}
}

// readingKeys are about how its content is read.
func readingKeys() []option.Option[*validate.FileRule] {
	type file = validate.FileRule
	return []option.Option[*file]{
		{
			Key:   "yamlCompat",
			Usage: "the version of YAML of the application's parser", Choices: []string{"1.1", "1.2"},
			Set: func(f *file, v option.Value) error { f.YAML11 = v.Str == "1.1"; return nil },
		},
		{
			Key: "templates", Kind: option.Bool,
			Usage: "it contains templates on purpose",
			Set:   option.ToBool(func(f *file) *bool { return &f.Templates }),
		},
		{
			Key: "ignore", Kind: option.StringOrStrings,
			Usage: "rules whose problems are not reported",
			Set:   ToRules(func(f *file) *[]string { return &f.Ignore }),
		},
	}
}

// contentKeys are about what is in a file with keys.
func contentKeys() []option.Option[*validate.FileRule] {
	type file = validate.FileRule
	return []option.Option[*file]{
		{
			Key: "require", Kind: option.Strings,
			Usage: "keys that must have a value, such as server.port",
			Set: withPath(func(f *file, path validate.Path) {
				f.Checks = append(f.Checks, validate.Require{Keys: []validate.Path{path}})
			}),
		},
		{
			Key: "forbid", Kind: option.Strings,
			Usage: "keys that must be missing",
			Set: withPath(func(f *file, path validate.Path) {
				f.Checks = append(f.Checks, validate.Forbid{Keys: []validate.Path{path}})
			}),
		},
		{
			Key: "oneOf", Kind: option.Strings,
			Usage: "keys of which exactly one must be present",
			Set:   withPath(addToOneOf),
		},
		{
			Key: "types", Kind: option.StringMap,
			Usage: "the types of keys, if they are present: " + strings.Join(validate.TypeNames(), ", "), Choices: validate.TypeNames(),
			Set: func(f *file, v option.Value) error {
				path, err := validate.ParsePath(v.Name)
				if err != nil {
					return err
				}
				t, err := validate.ParseType(v.Str)
				f.Checks = append(f.Checks, validate.Types{Keys: []validate.KeyType{{Key: path, Type: t}}})
				return err
			},
		},
		{
			Key:   "schema",
			Usage: "the file of a JSON Schema (drafts 4 to 2020-12) that it must match",
			Set: func(f *file, v option.Value) error {
				s, err := validate.CompileSchema(v.Str)
				f.Checks = append(f.Checks, s)
				return err
			},
		},
		{
			Key: "assert", Kind: option.Strings,
			Usage: "conditions that must hold, such as server.port in 1..65535",
			Set: func(f *file, v option.Value) error {
				a, err := validate.ParseAssertion(v.Str)
				f.Checks = append(f.Checks, validate.Assert{Assertions: []validate.Assertion{a}})
				return err
			},
		},
	}
}

// withPath adds a check of the key at a path.
func withPath(add func(*validate.FileRule, validate.Path)) func(*validate.FileRule, option.Value) error {
	return func(f *validate.FileRule, v option.Value) error {
		path, err := validate.ParsePath(v.Str)
		add(f, path)
		return err
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

// SecretTable is "secret" of an entry of "files".
func SecretTable() option.Table[*validate.SecretRule] {
	return option.Table[*validate.SecretRule]{Options: []option.Option[*validate.SecretRule]{
		{
			Key: "minLength", Kind: option.Integer,
			Usage: "its minimum length, in characters",
			Set:   option.AtLeast(1, func(s *validate.SecretRule) *int { return &s.MinLength }),
		},
	}}
}
