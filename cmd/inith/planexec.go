package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/internal/subprocess"
)

// An execWork is "exec" in a step.
type execWork struct {
	place

	command []string
	env     []string // NAME=value
	grace   time.Duration
}

func execTable() option.Table[execWork] {
	return option.Table[execWork]{
		Keys: []option.Key[execWork]{
			{Name: "command", Kind: option.Texts, Usage: "the program and its arguments; no shell reads them", Required: true, Set: func(w *execWork, v option.Value) error {
				w.command = append(w.command, v.Text)
				return nil
			}},
			{Name: "env", Kind: option.TextMap, Usage: "variables for it, besides those of inith", Set: func(w *execWork, v option.Value) error {
				if !isVariableName(v.Name) {
					return errors.New("want the name of a variable")
				}
				w.env = append(w.env, v.Name+"="+v.Text)
				return nil
			}},
			{Name: "grace", Usage: "time between TERM and KILL when it is ended (10s)", Set: func(w *execWork, v option.Value) (err error) { w.grace, err = parseDuration(v.Text); return err }},
		},
		Check: func(w *execWork, _ func(string) bool) error {
			if len(w.command) == 0 {
				return errors.New("command: want a program")
			}
			return nil
		},
		Short: "command",
	}
}

func (w *execWork) open(ctx context.Context, p *process) (stepJob, error) {
	const defaultGrace = 10 * time.Second
	path, err := subprocess.Look(w.command[0])
	if err != nil {
		return nil, err
	}
	c := subprocess.Command{
		Path: path, Argv: w.command, Env: withVariables(p.env, w.env), Stdout: p.stdout, Stderr: p.stderr,
		Shared: true, Group: true, Grace: orElse(w.grace, defaultGrace),
	}
	c.Lingering = func() {
		p.logger().WarnContext(ctx, "the command has ended, but what it started has not: waiting for its process group")
	}
	return &execJob{c}, nil
}

// withVariables returns an environment with other variables in it.
func withVariables(env, others []string) []string {
	var all []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(o, name+"=") }) {
			all = append(all, pair)
		}
	}
	return append(all, others...)
}

type execJob struct{ command subprocess.Command }

func (j *execJob) describe() string { return words(j.command.Argv) }

// Run runs the command, and ends it when ctx is done.
func (j *execJob) Run(ctx context.Context) error {
	c := j.command
	c.End = ctx.Done()
	err := c.Run(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
