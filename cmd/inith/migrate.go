package main

import (
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/tasks/migrate"
)

const migrateDescription = `Runs CMD while it holds a lock that all replicas share, so that never two run it at
once. CMD is a child with stdin, stdout and stderr of inith; its exit code is inith's.
The lock is not given back while CMD or a process of its group lives; if the lock is
lost, CMD is ended (TERM, --grace, KILL).

   the lock is   as URL
{locks}
With --check, or the --tool that knows it, replicas find that nothing is pending,
before the lock or with it, and are done; without, each runs CMD in its turn.

EXAMPLES:
{examples}`

func migrateHelp() string {
	var locks, examples strings.Builder
	for _, l := range migrate.Kinds() {
		locks.WriteString("   " + l.Does + strings.Repeat(" ", max(1, 14-len(l.Does))) + l.URL + "\n")
		examples.WriteString("   " + l.Example + "\n")
	}
	return strings.NewReplacer("{locks}", locks.String(), "{examples}", strings.TrimSuffix(examples.String(), "\n")).Replace(migrateDescription)
}

func migrateCommand(p *process) *cli.Command {
	const f = flagSet("migrate")
	return &cli.Command{
		Name:        "migrate",
		Usage:       "run a command under a lock: one replica at a time",
		UsageText:   "inith migrate [OPTION...] --lock URL [-- CMD ARG...]",
		Description: migrateHelp(),
		ArgsUsage:   noArgs,
		Flags: []cli.Flag{
			f.string("lock", "take the lock at this `URL`"),
			f.string("lock-from-env", "take the URL of --lock from the variable `NAME`, or from the file that NAME_FILE names"),
			f.string("lock-name", "the `NAME` of the lock in its database (default: migrate)"),
			f.string("check", "run this `CMD` first, split as a shell splits words: with exit code 0 nothing is pending"),
			f.string("tool", "the `NAME` of a migrator whose --check and CMD are known: django or alembic"),
			f.duration("wait", 10*time.Minute, "give up waiting for the lock after this `TIME`"),
			f.duration("timeout", 30*time.Minute, "end CMD after this `TIME`, and each check"),
			f.duration("grace", time.Minute, "`TIME` between TERM and KILL, for a command that is ended"),
		},
		Action: func(c *cli.Context) error {
			m, err := p.parseMigrate(c)
			if err != nil {
				return err
			}
			return m.Run(c.Context)
		},
	}
}

func (p *process) parseMigrate(c *cli.Context) (*migrate.Migration, error) {
	check, err := migrate.Words(c.String("check"))
	if err != nil {
		return nil, usagef("--check: %w", err)
	}
	return p.newMigration(c, check)
}

// newMigration runs p's command, and the check before if there is one.
func (p *process) newMigration(c *cli.Context, check []string) (*migrate.Migration, error) {
	m := &migrate.Migration{
		Wait: duration(c, "wait"), Timeout: duration(c, "timeout"), Grace: duration(c, "grace"), Logger: p.logger(),
	}
	check, err := p.migrator(c.String("tool"), check)
	if err != nil {
		return nil, err
	}
	if err := p.lookCommand(); err != nil {
		return nil, err
	}
	m.Command = migrate.Command{Path: p.path, Argv: p.command, Env: p.env, Stdout: p.stdout, Stderr: p.stderr}
	if len(check) > 0 {
		m.Check = migrate.Command{Argv: check, Env: p.env, Stderr: p.stderr}
		if m.Check.Path, err = subprocess.Look(check[0]); err != nil {
			return nil, err
		}
	}
	raw, err := p.lockURL(c)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // for people; a lock does without
	m.Locker, m.Name, err = migrate.Open(raw, migrate.Options{
		Name: c.String("lock-name"), Host: host, Grace: m.Grace, Env: p.env, Logger: p.logger(),
	})
	if err != nil {
		return nil, usagef("--lock: %w", err)
	}
	return m, nil
}

// migrator takes from a tool what is not given, the command and the check, which it
// returns.
func (p *process) migrator(name string, check []string) ([]string, error) {
	if name != "" {
		tool, err := findTool(name)
		if err != nil {
			return nil, err
		}
		if len(check) == 0 {
			check = tool.Check
		}
		if p.command == nil {
			p.command = tool.Command
		}
	}
	if p.command == nil {
		return nil, usagef("no command: write it after --, or name a --tool")
	}
	return check, nil
}

func findTool(name string) (migrate.Tool, error) {
	var names []string
	for _, t := range migrate.Tools() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return migrate.Tool{}, usagef("--tool: unknown migrator%s%s, have %s", redact.Quoted(name), suggest.DidYouMean(name, names), strings.Join(names, ", "))
}

// lockURL returns the URL of --lock, or of the variable that --lock-from-env names.
// A flag beats the variable of either.
func (p *process) lockURL(c *cli.Context) (string, error) {
	raw, name := c.String("lock"), c.String("lock-from-env")
	lockFlag, nameFlag := rawFlag(p.own, "lock") != "", rawFlag(p.own, "lock-from-env") != ""
	switch {
	case lockFlag && nameFlag:
		return "", usagef("--lock and --lock-from-env exclude each other")
	case name != "" && (raw == "" || nameFlag):
		return p.secretVar(name)
	case raw == "":
		return "", usagef("no lock: name one by --lock or --lock-from-env")
	}
	return raw, nil
}
