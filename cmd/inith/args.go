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
			if takesValue(flag) && !strings.Contains(arg, "=") && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		case command == "":
			command = arg
			if c := app.Command(command); c != nil {
				known = slices.Concat(c.Flags, app.Flags)
			}
		default:
			rest = append(rest, arg)
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
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	names := []string{"--help"}
	for _, f := range append(known, cli.HelpFlag) {
		if slices.Contains(f.Names(), name) {
			return f, nil
		}
		names = append(names, "--"+f.Names()[0])
	}
	return nil, usagef("unknown flag --%s%s", redact.Word(name), suggest.DidYouMean("--"+name, names))
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
