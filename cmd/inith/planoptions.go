package main

import (
	"context"
	"errors"
	"flag"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/option"
)

// Options are the flags of a command, as a step of a plan gives them.
type options struct {
	place

	args []string // --name=value
}

// A place is where something begins in a plan, from 1.
type place struct{ line, column int }

func (p *place) at(line, column int) { p.line, p.column = line, column }
func (p *place) where() place        { return *p }

// mistake is a mistake at the place.
func (p place) mistake(err error) *diag.Error {
	return diag.At(diag.Position{Line: p.line, Column: p.column}, err)
}

// optionKeys are the flags of a command as keys of a step, in camel case. A flag
// whose variable is set is that of the variable.
func optionKeys[T any](p *process, command *cli.Command, of func(*T) *options, without ...string) []option.Key[T] {
	var all []option.Key[T]
	for _, f := range command.Flags {
		name := f.Names()[0]
		if slices.Contains(without, name) {
			continue
		}
		all = append(all, option.Key[T]{
			Name: camelCase(name), Kind: optionKind(f), Usage: optionUsage(f),
			Set: func(t *T, v option.Value) error {
				if err := tryOption(f, v.Text); err != nil {
					return err
				}
				if !p.inEnvironment(f) {
					of(t).args = append(of(t).args, "--"+name+"="+v.Text)
				}
				return nil
			},
		})
	}
	return all
}

// camelCase writes the name of a flag as that of a key.
func camelCase(name string) string {
	first, rest, _ := strings.Cut(name, "-")
	for word := range strings.SplitSeq(rest, "-") {
		if word != "" {
			first += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return first
}

func optionKind(f cli.Flag) option.Kind {
	switch f.(type) {
	case *cli.BoolFlag:
		return option.Bool
	case *cli.IntFlag:
		return option.Number
	case *cli.StringSliceFlag:
		return option.TextOrTexts
	default:
		return option.Digits // permission bits are no number
	}
}

func optionUsage(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSuffix(d.GetUsage(), "; can be repeated"), "`", "")
}

// tryOption says what is wrong with the value of a flag by itself.
func tryOption(f cli.Flag, value string) error {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	if err := f.Apply(set); err != nil {
		return nil //nolint:nilerr // it is about a variable, and told when all are read
	}
	return set.Set(f.Names()[0], value)
}

func (p *process) inEnvironment(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && slices.ContainsFunc(d.GetEnvVars(), func(name string) bool {
		_, set := p.lookup(name)
		return set
	})
}

// parse reads the options of a command as its command line does, and calls read
// with the result.
func (o *options) parse(ctx context.Context, p *process, command string, args []string, read func(*cli.Context) error) error {
	app := newApp(p)
	app.Command(command).Action = read
	p.own = append([]string{"inith", command}, o.args...)
	if p.bounded && rawFlag(p.own, "timeout") == "" && p.hasDefault(app.Command(command), "timeout") {
		p.own = append(p.own, "--timeout=none")
	}
	return inPlan(app.RunContext(ctx, slices.Concat(p.own, []string{"--"}, args)))
}

// inPlan names flags as the keys of a plan.
func inPlan(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, inPlan(e))
		}
		return errors.Join(all...)
	}
	if err == nil {
		return nil
	}
	text := regexp.MustCompile(`--[a-z][a-z-]*[a-z]`).ReplaceAllStringFunc(err.Error(), func(name string) string { return camelCase(name[2:]) })
	return &planError{text, err}
}

// A planError is an error of a command in the words of a plan.
type planError struct {
	text string
	err  error
}

func (e *planError) Error() string { return e.text }
func (e *planError) Unwrap() error { return e.err }

// hasDefault reports whether a command has a flag that no variable sets.
func (p *process) hasDefault(command *cli.Command, name string) bool {
	return slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == name && !p.inEnvironment(f) })
}
