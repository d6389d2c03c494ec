package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/option"
	"github.com/inith/inith/tasks/migrate"
)

// A migrateWork is "migrate" in a step.
type migrateWork struct {
	options

	command, check []string
}

func (p *process) migrateTable() option.Table[migrateWork] {
	return option.Table[migrateWork]{
		Keys: append([]option.Key[migrateWork]{
			{Name: "command", Kind: option.Texts, Usage: "the migrator and its arguments", Set: func(w *migrateWork, v option.Value) error {
				w.command = append(w.command, v.Text)
				return nil
			}},
			{Name: "check", Kind: option.TextOrTexts, Usage: "with exit code 0 of this command nothing is pending: a text that is split as a shell does, or words", Set: func(w *migrateWork, v option.Value) (err error) {
				if v.Listed {
					w.check = append(w.check, v.Text)
					return nil
				}
				w.check, err = migrate.Words(v.Text)
				return err
			}},
		}, optionKeys(p, migrateCommand(p), func(w *migrateWork) *options { return &w.options }, "check")...),
		Short: "command",
	}
}

func (w *migrateWork) open(ctx context.Context, p *process) (stepJob, error) {
	own := *p
	own.command = w.command
	job := &migrateStep{}
	err := w.parse(ctx, &own, "migrate", nil, func(c *cli.Context) (err error) {
		job.Migration, err = own.newMigration(c, w.check)
		return err
	})
	if err != nil {
		return nil, err
	}
	job.Shared = true
	return job, nil
}

type migrateStep struct{ *migrate.Migration }

func (s *migrateStep) describe() string {
	text := words(s.Command.Argv) + " under the lock " + s.Name
	if len(s.Check.Argv) > 0 {
		text += ", if " + words(s.Check.Argv) + " finds something pending"
	}
	return text
}

// words describes a command without its arguments, which may be secrets.
func words(argv []string) string {
	if len(argv) == 1 || strings.Contains(argv[0], "=") {
		return argv[0]
	}
	return argv[0] + " with " + count(len(argv)-1, "argument")
}
