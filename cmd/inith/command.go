package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/subprocess"
)

// A call is one command line, and what it may use.
type call struct {
	env      environment.Variables
	stdout   *os.File
	reporter *reporter

	name       string       // of the command
	child      []string     // what follows "--"; nil for none
	again      <-chan error // a second signal
	hangups    func() <-chan struct{}
	definition *definition
	events     bool // post them
}

// A definition is what a command accepts, and how it runs.
type definition struct {
	usage       []string // the forms of the command line
	description func() string
	exits       [][2]string // exit codes that only this command has
	rows        []option.Row
	run         func(ctx context.Context, line option.Line) error
}

// A childUse says what CMD behind "--" is to a command.
type childUse int

const (
	noChild      childUse = iota // there is none
	becomesChild                 // inith becomes it when the work is done
	runsChild                    // the command runs it itself
)

// A spec is what [define] makes a definition of.
type spec[P any] struct {
	usage       []string
	description func() string
	exits       [][2]string
	child       childUse
	events      bool // it can post Events
	table       option.Table[P]
	// open finds all errors that can be found before anything is tried.
	open func(ctx context.Context, s session, o P, given option.Given) (job, error)
}

// A job is a command that is ready to run.
type job interface {
	// run does the work. It returns the outcome for the termination log, "" for none.
	run(ctx context.Context) (outcome string, err error)
}

// A session is what a job may use: of the whole process for a command, of its own part for a step of a plan.
type session struct {
	view.Output
	env   environment.Variables
	child []string     // CMD; nil for none, as in a step
	path  string       // of the program of CMD
	again <-chan error // a second signal

	hangups func() <-chan struct{} // takes SIGHUP over; nil in a step
}

// options are those of a command, and those that every command has.
type options struct {
	own     any // see ownOf
	globals globals
	stay    bool // as the init process of CMD
	events  bool // post them
}

// ownOf returns the options of a command.
func ownOf[P any](o *options) P { return option.Held[P](&o.own) }

// define makes a command of its table of options and the function that opens its job.
func define[P any](c *call, s spec[P]) *definition {
	table := option.Table[*options]{
		Options: option.Within(s.table.Options, ownOf[P]),
		Check: func(o *options, given option.Given) error {
			if s.table.Check == nil {
				return nil
			}
			return s.table.Check(ownOf[P](o), given)
		},
	}
	d := &definition{usage: s.usage, description: s.description, exits: s.exits}
	c.complete(d, withCommon(table, s.child, s.events), s.child, func(ctx context.Context, own session, o *options, given option.Given) (job, error) {
		return s.open(ctx, own, ownOf[P](o), given)
	})
	return d
}

// complete adds to a command its options, and how it runs.
func (c *call) complete(d *definition, table option.Table[*options], child childUse, open func(context.Context, session, *options, option.Given) (job, error)) {
	d.rows = append(table.Rows(c.name), helpRow())
	d.run = func(ctx context.Context, line option.Line) error {
		if line.Flags["help"] != nil {
			return writeHelp(c.stdout, commandHelp(c.name, d))
		}
		o, given, err := option.ReadLine(table, line)
		c.reporter.configure(o.globals)
		if err != nil {
			return asUsage(err)
		}
		c.warnOfVariables(d.rows)
		logRenamed(c.reporter.logger(), given)
		c.events = o.events
		return c.perform(ctx, child, o.stay, func(ctx context.Context, own session) (job, error) {
			return open(ctx, own, &o, given)
		})
	}
}

// logRenamed logs the former names of options that were used.
func logRenamed(log *slog.Logger, given option.Given) {
	for used, now := range given.Renamed() {
		log.Debug("old name of an option", "used", used, "now", now)
	}
}

// withCommon adds to the options of a command those that every command has.
func withCommon(t option.Table[*options], child childUse, events bool) option.Table[*options] {
	if child == becomesChild {
		t.Options = append(t.Options, option.Option[*options]{
			Flag: "init", Key: option.NoKey, Kind: option.Bool, Usage: "stay as the init process of CMD: forward signals, reap orphans, return its exit code",
			Set: option.ToBool(func(o *options) *bool { return &o.stay }),
		})
	}
	if events {
		t.Options = append(t.Options, eventsOption(func(o *options) *bool { return &o.events }))
	}
	t.Options = append(t.Options, option.Within(globalOptions(), func(o *options) *globals { return &o.globals })...)
	return t
}

// perform opens a job and runs it; then it becomes CMD, or writes the outcome to the termination log and the results to
// stdout.
func (c *call) perform(ctx context.Context, use childUse, stay bool, open func(context.Context, session) (job, error)) error {
	switch {
	case use == noChild && c.child != nil:
		return usagef("%s has no use for a command after --", c.name)
	case stay && c.child == nil:
		return usagef("--init needs a command after --")
	}
	s := session{Output: c.reporter.forJob(c.stdout), env: c.env, child: c.child, again: c.again, hangups: c.hangups}
	if c.child != nil { // found out before the work starts, not after minutes
		var err error
		if s.path, err = subprocess.Look(c.child[0]); err != nil {
			return err
		}
	}
	end := func() {}
	if c.events {
		s.Output, end = c.postEvents(ctx, s.Output)
	}
	j, err := open(ctx, s)
	if err != nil {
		end()
		return asUsage(err)
	}
	tune(c.env, s.Log, c.kindsOf(j))
	outcome, err := j.run(ctx)
	end()
	_, printed := j.(printJob)
	switch {
	case err != nil || printed:
		return err
	case c.child != nil && use == becomesChild:
		err := c.become(ctx, s.path, stay)
		if j, ok := j.(interface{ commandEnded() }); ok && stay {
			j.commandEnded()
		}
		return err
	case outcome != "":
		c.reporter.terminate(outcome)
	}
	if p, ok := j.(interface{ print() error }); ok {
		return p.print()
	}
	return nil
}

// become starts CMD, unless a signal has arrived meanwhile. With stay this process remains as its init process.
func (c *call) become(ctx context.Context, path string, stay bool) error {
	if stay {
		return subprocess.Supervise(ctx, path, c.child, c.env)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return subprocess.Exec(path, c.child, c.env)
}

// environment returns where the options of the command look for variables.
func (c *call) environment() option.Environment {
	return option.Environment{Command: c.name, Lookup: c.env.Lookup}
}

// A usageError is something wrong on the command line, in a variable, or in a file that a user wrote for inith. Nothing
// was tried.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// asUsage makes a usage error of each error that err joins, except where CMD cannot be started, and where a signal ended
// the work.
func asUsage(err error) error {
	var all []error
	for _, e := range diag.Flatten(err) {
		_, start := errors.AsType[*subprocess.StartError](e)
		_, signal := errors.AsType[*signalError](e)
		_, inFile := errors.AsType[*diag.Error](e)
		if inFile || !start && !signal {
			e = &usageError{e}
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// words describes a command without its arguments, which may be secrets.
func words(argv []string) string {
	if len(argv) == 1 || slices.Contains([]byte(argv[0]), '=') {
		return argv[0]
	}
	return argv[0] + " with " + view.Count(len(argv)-1, "argument")
}

// isDirectory reports whether a path is a directory.
func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// kindsOf returns the commands whose work a job does: of a plan, those of its steps.
func (c *call) kindsOf(j job) []string {
	if p, ok := j.(interface{ kinds() []string }); ok {
		return p.kinds()
	}
	return []string{c.name}
}
