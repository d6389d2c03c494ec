package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/validate"
)

// envTable is a variable of "env" in rules.yaml.
func envTable() option.Table[validate.EnvRule] {
	type env = validate.EnvRule
	return option.Table[env]{
		Keys: []option.Key[env]{
			{Name: "optional", Kind: option.Bool, Usage: "it may be unset or empty", Set: func(e *env, v option.Value) error { e.Optional = v.Yes; return nil }},
			{Name: "file", Kind: option.Bool, Usage: "NAME_FILE may name a file that has the value", Set: func(e *env, v option.Value) error { e.File = v.Yes; return nil }},
			{Name: "type", Usage: "the type of its value", Choices: envTypes(), Set: func(e *env, v option.Value) error {
				e.Type = validate.EnvType(1 + slices.Index(envTypes(), v.Text))
				return nil
			}},
			{Name: "min", Kind: option.Decimal, Usage: "the least of an int or a number", Set: func(e *env, v option.Value) (err error) { e.Min, err = number(v.Text); return err }},
			{Name: "max", Kind: option.Decimal, Usage: "the largest of an int or a number", Set: func(e *env, v option.Value) (err error) { e.Max, err = number(v.Text); return err }},
			{Name: "oneOf", Kind: option.Texts, Usage: "the only values", Set: func(e *env, v option.Value) error { e.OneOf = append(e.OneOf, v.Text); return nil }},
			{Name: "minLength", Kind: option.Number, Usage: "its least length, in characters", Set: func(e *env, v option.Value) (err error) {
				e.MinLength, err = positive(v.Number)
				return err
			}},
			{Name: "url", Kind: option.TextOrTexts, Usage: "schemes, or any: it has to be a URL with one of them, and with a host", Set: func(e *env, v option.Value) error {
				if strings.Trim(v.Text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
					return errors.New("want schemes such as postgres, in lower case and without ://")
				}
				e.URL = append(e.URL, v.Text)
				return nil
			}},
			{Name: "dsn", Usage: "it has to be a connection string: host=… of libpq, or user:…@tcp(…)/… of MySQL for Go", Choices: dsnKinds(), Set: func(e *env, v option.Value) error {
				e.DSN = validate.DSN(1 + slices.Index(dsnKinds(), v.Text))
				return nil
			}},
			{Name: "hostNot", Kind: option.TextOrTexts, Usage: "what the host of a URL, a connection string or host:port may not be; localhost stands for all that is this machine", Set: func(e *env, v option.Value) error {
				e.HostNot = append(e.HostNot, strings.ToLower(v.Text))
				return nil
			}},
			{Name: "path", Usage: "what has to be at the path that it has", Choices: pathTypes(), Set: func(e *env, v option.Value) error {
				e.Exists = validate.PathType(1 + slices.Index(pathTypes(), v.Text))
				return nil
			}},
		},
		Check: func(e *env, has func(string) bool) error {
			number := e.Type == validate.IntType || e.Type == validate.NumberType
			switch {
			case (has("min") || has("max")) && !number:
				return errors.New("min and max need type: int or number")
			case e.Min != nil && e.Max != nil && *e.Min > *e.Max:
				return errors.New("min is more than max")
			case has("url") && e.URL == nil:
				return errors.New("url: want schemes, or any")
			case has("url") && has("dsn"):
				return errors.New("url and dsn exclude each other")
			}
			return nil
		},
	}
}

// The words of the types that package validate counts from 1.
func envTypes() []string  { return []string{"int", "number", "bool", "duration"} }
func dsnKinds() []string  { return []string{"libpq", "mysql"} }
func pathTypes() []string { return []string{"exists", "file", "folder"} }

func number(s string) (*float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, errors.New("want a number")
	}
	return &n, nil
}
