package rulesfile

import (
	"errors"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// EnvTable is a variable of "env" in rules.yaml.
func EnvTable() option.Table[*validate.EnvRule] {
	type env = validate.EnvRule
	return option.Table[*env]{
		Options: []option.Option[*env]{
			{
				Key: "optional", Kind: option.Bool,
				Usage: "it may be unset or empty",
				Set:   option.ToBool(func(e *env) *bool { return &e.Optional }),
			},
			{
				Key: "file", Kind: option.Bool,
				Usage: "NAME_FILE may name a file that has the value",
				Set:   option.ToBool(func(e *env) *bool { return &e.File }),
			},
			{Key: "type", Usage: "the type of its value", Choices: envTypes(), Set: func(e *env, v option.Value) error {
				e.Type = validate.EnvType(1 + slices.Index(envTypes(), v.Str))
				return nil
			}},
			{
				Key: "min", Kind: option.Number,
				Usage: "the minimum of an int or a number",
				Set:   func(e *env, v option.Value) error { e.Min = &v.Number; return nil },
			},
			{
				Key: "max", Kind: option.Number,
				Usage: "the maximum of an int or a number",
				Set:   func(e *env, v option.Value) error { e.Max = &v.Number; return nil },
			},
			{
				Key: "oneOf", Kind: option.Strings,
				Usage: "the only values",
				Set:   option.ToStrings(func(e *env) *[]string { return &e.OneOf }),
			},
			{
				Key: "minLength", Kind: option.Integer,
				Usage: "its minimum length, in characters",
				Set:   option.AtLeast(1, func(e *env) *int { return &e.MinLength }),
			},
			{
				Key: "url", Kind: option.StringOrStrings,
				Usage: "schemes, or any: it must be a URL with a host and one of them",
				Set: func(e *env, v option.Value) error {
					if strings.Trim(v.Str, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
						return errors.New("want schemes such as postgres, in lower case and without ://")
					}
					e.URL = append(e.URL, v.Str)
					return nil
				},
			},
			{
				Key:   "dsn",
				Usage: "it must be a connection string: host=… of libpq, or user:…@tcp(…)/… of MySQL for Go", Choices: dsnKinds(),
				Set: func(e *env, v option.Value) error {
					e.DSN = validate.DSN(1 + slices.Index(dsnKinds(), v.Str))
					return nil
				},
			},
			{
				Key: "hostNot", Kind: option.StringOrStrings,
				Usage: "what the host of a URL, a connection string or host:port may not be; localhost stands for all that is this machine",
				Set: func(e *env, v option.Value) error {
					e.HostNot = append(e.HostNot, strings.ToLower(v.Str))
					return nil
				},
			},
			{
				Key:   "path",
				Usage: "what must exist at the path that is its value", Choices: []string{"exists", "file", "directory"}, OldChoices: []string{"folder"},
				Set: func(e *env, v option.Value) error {
					e.Exists = pathType(v.Str)
					return nil
				},
			},
		},
		Check: checkEnv,
	}
}

func checkEnv(e *validate.EnvRule, given option.Given) error {
	number := e.Type == validate.IntType || e.Type == validate.NumberType
	switch {
	case (given.Has("min") || given.Has("max")) && !number:
		return errors.New("min and max need type: int or number")
	case e.Min != nil && e.Max != nil && *e.Min > *e.Max:
		return errors.New("min is more than max")
	case given.Has("url") && e.URL == nil:
		return errors.New("url: want schemes, or any")
	case given.Has("url") && given.Has("dsn"):
		return errors.New("url and dsn exclude each other")
	}
	return nil
}

// The words of the types that package validate counts from 1.
func envTypes() []string { return []string{"int", "number", "bool", "duration"} }
func dsnKinds() []string { return []string{"libpq", "mysql"} }

func pathType(word string) validate.PathType {
	switch word {
	case "exists":
		return validate.AnyPath
	case "file":
		return validate.FilePath
	default:
		return validate.DirectoryPath
	}
}
