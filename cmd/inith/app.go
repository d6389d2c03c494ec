package main

import (
	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// newApp returns the commands of inith.
func newApp(p *process) *cli.App {
	app := &cli.App{
		Name:                      "inith",
		Usage:                     "prepare a container before its application starts",
		UsageText:                 "inith COMMAND [OPTION...] [ARG...] [-- CMD ARG...]",
		Version:                   buildVersion(),
		HideHelpCommand:           true, // --help does it
		HideVersion:               true, // the flag of cli has a short form, -v, that people take for --verbose
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // exit.go decides
		DisableSliceFlagSeparator: true,                         // URLs contain commas
		OnUsageError:              onUsageError,
		Flags:                     []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}},
		CustomAppHelpTemplate:     appHelp(),
		Commands:                  []*cli.Command{waitCommand(p), versionCommand(p), completionCommand(p)},
	}
	app.Action = func(c *cli.Context) error { return root(p, c) }
	for _, c := range app.Commands {
		c.Flags = append(c.Flags, globalFlags()...)
		c.OnUsageError = onUsageError // the App's own is not inherited
		c.CustomHelpTemplate = commandHelp()
		c.HideHelpCommand = true
		c.Before = p.readOutput
	}
	return app
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return &usageError{err} }

// root is inith without a known command.
func root(p *process, c *cli.Context) error {
	if c.Bool("version") {
		return printVersion(p)
	}
	if name := c.Args().First(); name != "" {
		return usagef("unknown command %s%s", redact.Word(name), suggest.DidYouMean(name, commandNames(c.App)))
	}
	if p.command != nil {
		return usagef("no inith command before --")
	}
	return cli.ShowAppHelp(c)
}

func commandNames(app *cli.App) []string {
	var names []string
	for _, c := range app.VisibleCommands() {
		names = append(names, c.Name)
	}
	return names
}
