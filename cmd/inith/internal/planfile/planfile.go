// Package planfile reads plan.yaml: the steps of inith run, and what each of them does.
package planfile

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/tasks/plan"
)

// A Plan is a plan as it is written.
type Plan struct {
	Timeout time.Duration // zero: none was given

	steps []*Step
}

// A Step is a step as it is written.
type Step struct {
	Name    string
	Timeout time.Duration // zero: none
	Retries int

	position diag.Position
	needs    []need
	works    []work
	written  map[string]string // the strings of the plan before ${NAME} was replaced, by what they became
}

type need struct {
	name     string
	position diag.Position
}

// A work is what a step does.
type work struct {
	kind string
	open func(ctx context.Context, s *Step) (Job, error)
}

// A Job is a step that is ready to run.
type Job interface {
	plan.Step
	// Describe returns what the step would do, in one line without a secret.
	Describe() string
}

// A Kind is what a step can do: a key of a step.
type Kind = option.Option[*Step]

// NewKind returns a kind whose options fill what a P points to. Open finds all errors that can be found before anything runs.
func NewKind[P any](name, usage string, table option.Table[P], open func(ctx context.Context, s *Step, o P, given option.Given) (Job, error)) Kind {
	type entry struct {
		options any // see own
		given   option.Given
		sound   bool // its keys and values have no errors
		at      diag.Position
	}
	own := func(e *entry) P { return option.Held[P](&e.options) }
	entries := option.Table[*entry]{
		Options:     option.Within(table.Options, own),
		Schema:      table.Schema,
		Short:       table.Short,
		Foreign:     table.Foreign,
		Environment: table.Environment,
		At:          func(e *entry, p diag.Position) { e.at = p },
		Check: func(e *entry, given option.Given) error {
			e.given, e.sound = given, true
			if table.Check == nil {
				return nil
			}
			err := table.Check(own(e), given)
			e.sound = err == nil
			return err
		},
	}
	return option.Mapping(name, usage, entries, func(s *Step) *entry {
		e := &entry{}
		s.works = append(s.works, work{kind: name, open: func(ctx context.Context, s *Step) (Job, error) {
			if !e.sound {
				return nil, at(e.at, s.asWritten(missingPrograms(own(e))))
			}
			job, err := open(ctx, s, own(e), e.given)
			return job, at(e.at, s.asWritten(err))
		}})
		return e
	})
}

// A Commander is options that name programs. Those are looked for even if other options are wrong.
type Commander interface{ Programs() []string }

func missingPrograms(options any) error {
	c, ok := options.(Commander)
	if !ok {
		return nil
	}
	var errs []error
	for _, name := range c.Programs() {
		_, err := subprocess.Look(name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// asWritten names programs as the plan does: with ${NAME}, not with its value.
func (s *Step) asWritten(err error) error {
	var all []error
	for _, err := range diag.Flatten(err) {
		if command, ok := err.(*subprocess.StartError); ok { //nolint:errorlint // what wraps one has a text of its own
			if written, expanded := s.written[command.Name]; expanded {
				renamed := *command
				renamed.Name = written
				err = &renamed
			}
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// at gives each error that err joins a position.
func at(p diag.Position, err error) error {
	var all []error
	for _, err := range diag.Flatten(err) {
		all = append(all, diag.At(p, err))
	}
	return errors.Join(all...)
}

// Table is plan.yaml.
func Table(kinds []Kind) option.Table[*Plan] {
	return option.Table[*Plan]{
		Options: []option.Option[*Plan]{
			option.List("steps", "what to do, each step as soon as those that it needs are done", StepTable(kinds), func(p *Plan, s *Step) { p.steps = append(p.steps, s) }),
			{
				Key: "timeout", Kind: option.Duration,
				Usage: "how long all of it may take",
				Set:   option.ToDuration(func(p *Plan) *time.Duration { return &p.Timeout }),
			},
		},
		Check: func(p *Plan, _ option.Given) error {
			if len(p.steps) == 0 {
				return errors.New("no steps")
			}
			return nil
		},
		Schema:  map[string]any{"required": []string{"steps"}},
		Foreign: foreignOfPlans(),
	}
}

// StepTable is an entry of "steps" in plan.yaml.
func StepTable(kinds []Kind) option.Table[*Step] {
	var works []any
	var names []string
	for _, k := range kinds {
		works = append(works, map[string]any{"required": []string{k.Key}})
		names = append(names, k.Key)
	}
	return option.Table[*Step]{
		Options: append([]option.Option[*Step]{
			{
				Key: "name", Kind: option.Digits, Required: true,
				Usage: "the name of the step: letters, digits, -, _ and .",
				Set:   setName,
			},
			{
				Key: "needs", Kind: option.StringOrStrings,
				Usage: "names of steps that must be done before",
				Set: func(s *Step, v option.Value) error {
					s.needs = append(s.needs, need{v.Str, v.Position})
					return nil
				},
			},
			{
				Key: "timeout", Kind: option.Duration,
				Usage: "how long the step may take, with all attempts, such as 5m",
				Set:   option.ToDuration(func(s *Step) *time.Duration { return &s.Timeout }),
			},
			{Key: "retries", Kind: option.Integer, Usage: "how often to try again when it fails", Set: setRetries},
		}, kinds...),
		Check:   func(s *Step, _ option.Given) error { return checkWorks(s, names) },
		Schema:  map[string]any{"oneOf": works},
		Foreign: foreignOfSteps(),
		Faulty:  true, // others need it
		At:      func(s *Step, p diag.Position) { s.position = p },
	}
}

func setName(s *Step, v option.Value) error {
	const maximum = 63
	s.Name = v.Str
	inside := strings.Trim(v.Str, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
	if !inside || len(v.Str) > maximum || strings.ContainsAny(v.Str[:1], "-_.") {
		return errors.New("want letters, digits, -, _ and ., 63 at most")
	}
	return nil
}

func setRetries(s *Step, v option.Value) error {
	if v.Int < 0 || v.Int > 1000 {
		return errors.New("want a number from 0 to 1000")
	}
	s.Retries = int(v.Int)
	return nil
}

func checkWorks(s *Step, kinds []string) error {
	switch len(s.works) {
	case 1:
		return nil
	case 0:
		return errors.New("nothing to do: want one of " + strings.Join(kinds, ", "))
	}
	var both []string
	for _, w := range s.works {
		both = append(both, w.kind)
	}
	return errors.New(strings.Join(both, " and ") + " exclude each other: a step does one thing")
}
