package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/internal/subprocess"
)

// execOptions are the options of an exec step of a plan.
type execOptions struct {
	command []string
	env     []string // NAME=value
	grace   time.Duration
}

func execTable() option.Table[*execOptions] {
	type o = execOptions
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{
				Key: "command", Kind: option.Strings, Required: true,
				Usage: "the program and its arguments; no shell reads them",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.command }),
			},
			{
				Key: "env", Kind: option.StringMap,
				Usage: "environment variables for it, in addition to those of inith",
				Set: func(o *o, v option.Value) error {
					if !environment.IsName(v.Name) {
						return errors.New("want the name of an environment variable")
					}
					o.env = append(o.env, v.Name+"="+v.Str)
					return nil
				},
			},
			{
				Key: "grace", Kind: option.Duration,
				Usage: "time between TERM and KILL (default: 10s)",
				Set:   option.ToDuration(func(o *o) *time.Duration { return &o.grace }),
			},
		},
		Check: func(o *o, _ option.Given) error {
			if len(o.command) == 0 {
				return errors.New("command: want a program")
			}
			return nil
		},
		Short: "command",
		Foreign: map[string]string{
			"cmd": commandIsList, "args": commandIsList, "script": commandIsList, "run": commandIsList, "entrypoint": commandIsList,
			"environment": "environment variables are in env: {NAME: value}", "variables": "environment variables are in env: {NAME: value}",
		},
	}
}

const commandIsList = "command is the program and its arguments: command: [PROGRAM, ARGUMENT]"

// Programs returns the program.
func (o *execOptions) Programs() []string { return o.command[:min(1, len(o.command))] }

// execStep runs a command as a step of a plan.
func execStep(r *runner) planfile.Kind {
	return kindOf(r, "exec", "run a command", execTable(), func(ctx context.Context, s session, o *execOptions, _ option.Given) (planfile.Job, error) {
		const defaultGrace = 10 * time.Second
		path, err := subprocess.Look(o.command[0])
		if err != nil {
			return nil, err
		}
		c := subprocess.Command{
			Path: path, Argv: o.command, Env: s.env.With(o.env), Stdout: s.Stdout, Stderr: s.Stderr,
			Shared: true, Group: true, Grace: cmp.Or(o.grace, defaultGrace),
		}
		c.Lingering = func() {
			s.Log.WarnContext(ctx, "the command has ended, but what it started has not: waiting for its process group")
		}
		return &execJob{c}, nil
	})
}

type execJob struct{ command subprocess.Command }

// Describe returns the program.
func (j *execJob) Describe() string { return words(j.command.Argv) }

// Run runs the command, and terminates it when ctx is done.
func (j *execJob) Run(ctx context.Context) error {
	c := j.command
	c.End = ctx.Done()
	err := c.Run(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
