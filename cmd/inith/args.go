package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// cutCommand splits args at the first "--". It is done here because cli drops
// the "--" after flags but keeps it after arguments.
func cutCommand(args []string) (own, command []string, found bool) {
	i := slices.Index(args, "--")
	if i < 0 {
		return args, nil, false
	}
	return args[:i], args[i+1:], true
}

// moveFlags returns args (of which the first is our own name) as cli wants them:
// the command, its flags, its arguments. cli takes a flag after the first
// argument for an argument, and knows no flag before the command.
func moveFlags(app *cli.App, args []string) ([]string, error) {
	known := slices.Concat(app.Flags, globalFlags())
	var command string
	var flags, rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case isFlag(arg):
			flag, err := findFlag(known, arg)
			if err != nil {
				return nil, err
			}
			flags = append(flags, arg)
			if !takesValue(flag) || strings.Contains(arg, "=") {
				continue
			}
			if i++; i == len(args) {
				return nil, usagef("--%s needs a value", flagName(arg))
			}
			flags = append(flags, args[i])
		case command == "":
			command = arg
			if c := app.Command(command); c != nil {
				known = slices.Concat(c.Flags, app.Flags)
			}
		default:
			rest = append(rest, arg)
		}
	}
	if command == "" && len(flags) > 0 {
		if _, err := findFlag(app.Flags, flags[0]); err != nil {
			return nil, usagef("no command: inith COMMAND --%s", flagName(flags[0]))
		}
	}
	moved := []string{args[0]}
	if command != "" {
		moved = append(moved, command)
	}
	return slices.Concat(moved, flags, rest), nil
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// findFlag returns the flag that arg sets. Its error quotes only what may be
// the name of a flag.
func findFlag(known []cli.Flag, arg string) (cli.Flag, error) {
	known = append(slices.Clone(known), cli.HelpFlag)
	name := flagName(arg)
	var names []string
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			return f, nil
		}
		names = append(names, "--"+f.Names()[0])
	}
	return nil, usagef("unknown flag%s%s", redact.Quoted("--"+name), suggest.DidYouMean("--"+name, names))
}

// flagName returns the name of the flag that arg sets.
func flagName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// rawFlag returns what a flag is given, without parsing: the text behind "=",
// else the next argument, "" if the flag is not there.
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
