package main

import (
	"flag"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// A command is a row of the table of commands.
type command struct {
	name, summary string
	define        func(c *call) *definition
}

// commands returns the table of commands, in the order of the help.
func commands() []command {
	return []command{
		{"wait", "wait until every target is ready, then become a command", waitCommand},
		{"fetch", "download files, verified, resumable, in parallel", fetchCommand},
		{"validate", "find problems in configuration, secrets and environment", validateCommand},
		{"render", "render configuration from templates and secret files", renderCommand},
		{"migrate", "run a command under a lock: one replica at a time", migrateCommand},
		{"run", "run a plan: a graph of waits, downloads, checks, migrations", runCommand},
		{"lint", "find errors in Kubernetes manifests", lintCommand},
		{"explain", "say why a Pod does not start", explainCommand},
		{"rbac", "print the Role that targets in Kubernetes need", rbacCommand},
		{"cache ls", "list the node cache of fetch --cache", cacheListCommand},
		{"cache prune", "remove objects from the node cache", cachePruneCommand},
		{"cache verify", "verify the objects of the node cache", cacheVerifyCommand},
		{"install", "copy inith to a volume, for an application of another image", installCommand},
		{"sidecar audit", "record requests and answers, beside an application", auditCommand},
		{"sidecar audit verify", "verify the log of sidecar audit", auditVerifyCommand},
		{"sidecar logs", "forward the lines of log files, beside an application", logsCommand},
		{"sidecar metrics", "receive statsd metrics and serve them to Prometheus", metricsCommand},
		{"schema", "print the JSON Schema of a file that inith reads", schemaCommand},
		{"completion", "print a completion script for bash, zsh or fish", completionCommand},
		{"help", "show the help of inith or of a command", helpCommand},
		{"version", "print the version", versionCommand},
	}
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// commandAt returns the longest command that words begin with, the first word if there is none.
func commandAt(words []string) string {
	longest := words[0]
	for _, name := range commandNames() {
		n := strings.Count(name, " ") + 1
		if n <= len(words) && name == strings.Join(words[:n], " ") && len(name) > len(longest) {
			longest = name
		}
	}
	return longest
}

// group returns the commands whose name is a word and more.
func group(word string) []string {
	return slices.DeleteFunc(commandNames(), func(name string) bool { return !strings.HasPrefix(name, word+" ") })
}

func isGroup(word string) bool { return findCommand(word) == nil && len(group(word)) > 0 }

// findCommand returns the command with a name, nil if there is none.
func findCommand(name string) *command {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// An app parses one command line with cli. Only the command that it names is defined.
type app struct {
	call     *call
	selected *command            // nil for none
	rows     []option.Row        // of the flags that can be given
	flags    map[string][]string // the values of the flags, by name
}

func newApp(p *process, r *reporter, child []string) *app {
	return &app{call: &call{env: p.env, stdout: p.stdout, reporter: r, child: child, again: p.again, hangups: p.hangups}, rows: rootRows(), flags: map[string][]string{}}
}

// rootRows are the flags of inith without a command.
func rootRows() []option.Row {
	version := option.Row{Flag: "version", Kind: option.Bool, Usage: "print the version"}
	return append(option.Table[*globals]{Options: globalOptions()}.Rows(""), version, helpRow())
}

// define defines the command that the command line names.
func (a *app) define(name string) {
	a.selected = findCommand(name)
	if a.selected != nil {
		a.call.name, a.call.reporter.helps = name, name
		a.call.definition = a.selected.define(a.call)
		a.rows = a.call.definition.rows
	}
}

// cli returns the parser.
func (a *app) cli() *cli.App {
	app := &cli.App{
		Name:                      "inith",
		HideHelp:                  true, // help.go writes it
		HideHelpCommand:           true,
		HideVersion:               true,
		Writer:                    a.call.stdout,
		ErrWriter:                 a.call.reporter.stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // exit.go decides
		DisableSliceFlagSeparator: true,
		OnUsageError:              onUsageError,
		Action:                    a.root,
	}
	if a.selected == nil {
		app.Flags = a.cliFlags()
		return app
	}
	app.Commands = []*cli.Command{{
		Name: a.selected.name, HideHelp: true, HideHelpCommand: true, OnUsageError: onUsageError, Flags: a.cliFlags(),
		Action: func(c *cli.Context) error {
			return a.call.definition.run(c.Context, option.Line{Flags: a.flags, Args: c.Args().Slice(), Environment: a.call.environment()})
		},
	}}
	return app
}

// root is inith without a known command.
func (a *app) root(c *cli.Context) error {
	name := c.Args().First()
	switch {
	case a.flags["version"] != nil:
		return printVersion(a.call.stdout)
	case isGroup(name):
		if more := c.Args().Get(1); more != "" {
			return usagef("unknown command %s%s%s", name, redact.Quoted(more), suggest.DidYouMean(name+" "+more, commandNames()))
		}
		return usagef("%s needs one more word: inith %s", name, strings.Join(group(name), ", inith "))
	case name != "":
		return usagef("unknown command%s%s", redact.Quoted(name), suggest.DidYouMean(name, commandNames()))
	case a.call.child != nil:
		return usagef("no inith command before --")
	}
	return writeHelp(a.call.stdout, mainHelp())
}

// onUsageError passes on what cli finds. [app.moveFlags] has found everything before that a user can do wrong.
func onUsageError(_ *cli.Context, err error, _ bool) error { return &usageError{err} }

// cliFlags returns the flags as cli wants them, under all their names: cli's own aliases would set a value twice.
func (a *app) cliFlags() []cli.Flag {
	var flags []cli.Flag
	for _, r := range a.rows {
		for _, name := range flagNames(r) {
			flags = append(flags, &recorder{app: a, row: r, names: []string{name}})
		}
	}
	return flags
}

// flagNames returns all names of a flag, none of an option that is no flag.
func flagNames(r option.Row) []string {
	if r.Flag == "" {
		return nil
	}
	names := append([]string{r.Flag}, r.Old...)
	if r.Letter != "" {
		names = append(names, r.Letter)
	}
	return names
}

// A recorder is a flag of one name that keeps the values it is given. It implements cli.Flag and flag.Value, and never
// fails: package option says what is wrong with a value, without quoting it. A flag of cli's own splits its names by a
// regular expression each time cli asks for them, which is a twentieth of the CPU of a wait that is ready at once.
type recorder struct {
	app   *app
	row   option.Row
	names []string // one
}

func (r *recorder) Names() []string  { return r.names }
func (*recorder) IsSet() bool        { return false } // by an environment variable: cli reads none
func (*recorder) String() string     { return "" }
func (r *recorder) IsBoolFlag() bool { return r.row.Kind == option.Bool }

func (r *recorder) Apply(set *flag.FlagSet) error {
	set.Var(r, r.names[0], "")
	return nil
}

func (r *recorder) Set(value string) error {
	name := r.names[0]
	if name == r.row.Letter {
		name = r.row.Flag
	}
	r.app.flags[name] = append(r.app.flags[name], value)
	return nil
}

// moveFlags returns args (of which the first is our own name) as cli wants them: the command, its flags, its arguments.
// cli takes a flag after the first argument for an argument, and knows no flag before the command.
func (a *app) moveFlags(args []string) ([]string, error) {
	var flags, rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case isFlag(arg):
			row, err := a.findFlag(arg)
			if err != nil {
				return nil, err
			}
			flags = append(flags, arg)
			if row.Kind == option.Bool || strings.Contains(arg, "=") {
				continue
			}
			if i++; i == len(args) {
				return nil, usagef("%s needs a value", dashed(flagName(arg)))
			}
			flags = append(flags, args[i])
		case a.selected == nil && len(rest) == 0:
			name := commandAt(args[i:])
			i += strings.Count(name, " ")
			a.define(name)
			rest = append(rest, name)
		default:
			rest = append(rest, arg)
		}
	}
	if a.selected == nil && len(rest) == 0 && len(flags) > 0 && !slices.Contains([]string{"version", "help", "h"}, flagName(flags[0])) {
		return nil, usagef("no command: inith COMMAND --%s", flagName(flags[0]))
	}
	if a.selected == nil {
		return slices.Concat(args[:1], flags, rest), nil
	}
	return slices.Concat(args[:1], rest[:1], flags, rest[1:]), nil
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// findFlag returns the flag that arg sets. Its error quotes only what may be the name of a flag.
func (a *app) findFlag(arg string) (option.Row, error) {
	name := flagName(arg)
	var names []string
	for _, r := range a.rows {
		if slices.Contains(flagNames(r), name) {
			return r, nil
		}
		if r.Flag != "" {
			names = append(names, "--"+r.Flag)
		}
	}
	shown := ""
	if redact.Word(strings.ReplaceAll(name, ".", "-")) != "" { // those of statsd_exporter have dots
		shown = ` "` + dashed(name) + `"`
	}
	return option.Row{}, usagef("unknown flag%s%s", shown, suggest.DidYouMean(dashed(name), names))
}

// flagName returns the name of the flag that arg sets.
func flagName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name
}

// dashed writes the name of a flag as on a command line.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// rawFlag returns what a flag is given, without parsing: what follows "=", else the next argument, "" if the flag is
// missing.
func rawFlag(args []string, name string) string {
	for i, arg := range args {
		if !isFlag(arg) || flagName(arg) != name {
			continue
		}
		if _, value, ok := strings.Cut(arg, "="); ok {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
		return "true"
	}
	return ""
}
