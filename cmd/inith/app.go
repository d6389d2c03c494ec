package main

import (
	"regexp"
	"strings"

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
		Commands:                  []*cli.Command{waitCommand(p), fetchCommand(p), validateCommand(p), renderCommand(p), migrateCommand(p), runCommand(p), installCommand(p), schemaCommand(p), versionCommand(p), completionCommand(p)},
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

// onUsageError says what is wrong with a flag, without its value, which cli and the
// flag package quote: it may be the rest of a secret.
func onUsageError(_ *cli.Context, err error, _ bool) error {
	badValue := regexp.MustCompile(`(?s)^invalid (?:boolean )?value ".*" for (?:flag )?-([a-z-]+): (.*)$`)
	badVariable := regexp.MustCompile(`(?s)^could not parse ".*" (?:as [a-z]+ value )?from environment variable "(\w+)" (?:as value )?for flag [a-z-]+: (.*)$`)
	name, why := "", ""
	if m := badValue.FindStringSubmatch(err.Error()); m != nil {
		name, why = "--"+m[1], m[2]
	} else if m := badVariable.FindStringSubmatch(err.Error()); m != nil {
		name, why = "$"+m[1], m[2]
	}
	switch {
	case name == "":
		return &usageError{err}
	case why == "parse error" || strings.HasPrefix(why, "strconv."):
		why = "not understood: want a number, or true or false"
	}
	return usagef("%s: %s", name, why)
}

// root is inith without a known command.
func root(p *process, c *cli.Context) error {
	if c.Bool("version") {
		return printVersion(p)
	}
	if name := c.Args().First(); name != "" {
		return usagef("unknown command%s%s", redact.Quoted(name), suggest.DidYouMean(name, commandNames(c.App)))
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
