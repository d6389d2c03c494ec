package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/shellwords"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/migrate"
)

const migrateDescription = `Runs CMD while holding a lock that all replicas share, so that never two run it at
once. CMD is a child process with stdin, stdout and stderr of inith; its exit code is
that of inith. The lock is held until every process of CMD's group has exited. If the
lock is lost, inith terminates CMD (TERM, --grace, KILL).

   the lock is   as URL
{locks}
With --check, or with a --tool whose check inith knows, replicas find that nothing is
pending, before they wait for the lock or once they hold it, and are done. Without a
check, each replica runs CMD in its turn.

EXAMPLES:
{examples}`

func migrateHelp() string {
	var locks, examples strings.Builder
	for _, l := range migrate.Kinds() {
		for i, line := range wrap(l.URL, 60) {
			name := l.Does
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&locks, "   %-13s %s\n", name, line)
		}
		examples.WriteString("   " + l.Example + "\n")
	}
	return strings.NewReplacer("{locks}", locks.String(), "{examples}", strings.TrimSuffix(examples.String(), "\n")).Replace(migrateDescription)
}

// migrateOptions are the options of migrate, and of a migrate step of a plan.
type migrateOptions struct {
	lock                        string // URL
	lockName, tool              string
	command, check              []string
	lockTimeout, timeout, grace time.Duration // zero: none
}

func migrateOptionRows(env environment.Variables) []option.Option[*migrateOptions] {
	type o = migrateOptions
	return []option.Option[*o]{
		{
			Flag: "lock", Excludes: []string{"lock-from-env"},
			Usage: "take the lock at this `URL`",
			Set:   option.ToString(func(o *o) *string { return &o.lock }),
		},
		{
			Flag:  "lock-from-env",
			Usage: "take the URL of the lock from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set:   option.Parsed(env.Secret, func(o *o) *string { return &o.lock }),
		},
		{
			Flag: "lock-name", DefaultText: "migrate",
			Usage: "the `NAME` of the lock in its database",
			Set:   option.ToString(func(o *o) *string { return &o.lockName }),
		},
		{
			Flag:  "tool",
			Usage: "the `NAME` of a migrator whose --check and CMD inith knows: " + strings.Join(toolNames(), ", "),
			Set:   option.ToString(func(o *o) *string { return &o.tool }),
		},
		{
			Flag: "lock-timeout", Old: []string{"wait"}, Kind: option.Duration, Default: "10m",
			Usage: "give up waiting for the lock after this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.lockTimeout }),
		},
		{
			Flag: "timeout", Letter: "t", Kind: option.Duration, Default: "30m",
			Usage: "terminate CMD after this `TIME`, and each check",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.timeout }),
		},
		{
			Flag: "grace", Kind: option.Duration, Default: "1m",
			Usage: "`TIME` between TERM and KILL",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.grace }),
		},
	}
}

// checkFlag is the check on a command line; a step may have it as a list.
func checkFlag() option.Option[*migrateOptions] {
	return option.Option[*migrateOptions]{
		Flag: "check", Key: option.NoKey, Usage: "run this `CMD` first, split as a shell splits words: exit code 0 means that nothing is pending",
		Set: option.Parsed(shellwords.Split, func(o *migrateOptions) *[]string { return &o.check }),
	}
}

func migrateCommand(c *call) *definition {
	return define(c, spec[*migrateOptions]{
		usage:       []string{"inith migrate [OPTION...] --lock URL [-- CMD ARG...]"},
		description: migrateHelp,
		child:       runsChild,
		events:      true,
		table:       option.Table[*migrateOptions]{Options: append(migrateOptionRows(c.env), checkFlag()), Check: noArguments[*migrateOptions](c.name)},
		open: func(_ context.Context, s session, o *migrateOptions, _ option.Given) (job, error) {
			o.command = s.child
			return openMigrate(s, o)
		},
	})
}

// noArguments refuses arguments. What looks like one may be a command without the "--" before it.
func noArguments[P any](name string) func(P, option.Given) error {
	return func(_ P, given option.Given) error {
		if len(given.Args) == 0 {
			return nil
		}
		return &usererr.Error{Text: name + " takes no argument", Hint: "if it is a command to run, write -- before it: inith " + name + " -- CMD"}
	}
}

func migrateStepTable(env environment.Variables) option.Table[*migrateOptions] {
	type o = migrateOptions
	own := []option.Option[*o]{
		{
			Key: "command", Kind: option.Strings,
			Usage: "the migrator and its arguments",
			Set:   option.ToStrings(func(o *o) *[]string { return &o.command }),
		},
		{
			Key: "check", Kind: option.StringOrStrings,
			Usage: "exit code 0 of this command means that nothing is pending: a string that inith splits as a shell does, or a list of words",
			Set: func(o *o, v option.Value) (err error) {
				if v.Listed {
					o.check = append(o.check, v.Str)
					return nil
				}
				o.check, err = shellwords.Split(v.Str)
				return err
			},
		},
	}
	return option.Table[*o]{Options: append(own, migrateOptionRows(env)...), Short: "command"}
}

// migrateStep is migrate as a step of a plan.
func migrateStep(r *runner) planfile.Kind {
	return kindOf(r, "migrate", "run a command under a lock", migrateStepTable(r.env),
		func(_ context.Context, s session, o *migrateOptions, _ option.Given) (planfile.Job, error) {
			j, err := openMigrate(s, o)
			if err != nil {
				return nil, err
			}
			j.migration.Shared = true
			return j, nil
		})
}

func (o *migrateOptions) noTimeout() { o.timeout = 0 }

// Programs returns the migrator and its check, as far as they are given.
func (o *migrateOptions) Programs() []string {
	return slices.Concat(o.command[:min(1, len(o.command))], o.check[:min(1, len(o.check))])
}

// A migrateJob is a migration that is ready to run.
type migrateJob struct{ migration *migrate.Migration }

func openMigrate(s session, o *migrateOptions) (*migrateJob, error) {
	m := &migrate.Migration{Wait: o.lockTimeout, Timeout: o.timeout, Grace: o.grace, Logger: s.Log}
	command, check, err := o.commands()
	if err != nil {
		return nil, err
	}
	m.Command = migrate.Command{Argv: command, Env: s.env, Stdout: s.Stdout, Stderr: s.Stderr}
	m.Command.Path, err = subprocess.Look(command[0])
	if len(check) > 0 {
		var checkErr error
		m.Check = migrate.Command{Argv: check, Env: s.env, Stderr: s.Stderr}
		m.Check.Path, checkErr = subprocess.Look(check[0])
		err = errors.Join(err, checkErr)
	}
	if err != nil {
		return nil, err
	}
	if o.lock == "" {
		return nil, errors.New("no lock: name one by --lock or --lock-from-env")
	}
	host, _ := os.Hostname() // for people; a lock does without
	m.Locker, m.Name, err = migrate.Open(o.lock, migrate.Options{Name: o.lockName, Host: host, Grace: m.Grace, Env: s.env, Logger: s.Log})
	if err != nil {
		return nil, fmt.Errorf("--lock: %w", err)
	}
	return &migrateJob{m}, nil
}

// commands returns the migrator and its check. What is not given comes from the tool.
func (o *migrateOptions) commands() (command, check []string, err error) {
	command, check = o.command, o.check
	if o.tool != "" {
		tool, err := findTool(o.tool)
		if err != nil {
			return nil, nil, err
		}
		if len(check) == 0 {
			check = tool.Check
		}
		if len(command) == 0 {
			command = tool.Command
		}
	}
	if len(command) == 0 {
		return nil, nil, errors.New("no command: write it after --, or name a --tool")
	}
	return command, check, nil
}

func toolNames() []string {
	var names []string
	for _, t := range migrate.Tools() {
		names = append(names, t.Name)
	}
	return names
}

func findTool(name string) (migrate.Tool, error) {
	for _, t := range migrate.Tools() {
		if t.Name == name {
			return t, nil
		}
	}
	names := toolNames()
	return migrate.Tool{}, fmt.Errorf("--tool: unknown migrator%s%s, have %s", redact.Quoted(name), suggest.DidYouMean(name, names), strings.Join(names, ", "))
}

func (j *migrateJob) run(ctx context.Context) (outcome string, err error) {
	return "", j.Run(ctx) // the termination log is that of CMD
}

// Run runs the migration.
func (j *migrateJob) Run(ctx context.Context) error { return j.migration.Run(ctx) }

// Describe returns what the step would run.
func (j *migrateJob) Describe() string {
	m := j.migration
	text := words(m.Command.Argv) + " under the lock " + m.Name
	if len(m.Check.Argv) > 0 {
		text += ", if " + words(m.Check.Argv) + " finds something pending"
	}
	return text
}
