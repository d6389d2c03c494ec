package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // only to silence it
	"os"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/child"
	"github.com/inith/inith/internal/crash"
)

// A process is what the operating system gives and takes: all of inith's
// contact with it goes through here.
type process struct {
	args                  []string
	env                   []string // as it was at the start: the command's
	stdin, stdout, stderr *os.File

	command     []string // what follows "--"
	path        string   // of the program of command
	output      output   // how to speak, from the global flags
	termination bool     // the outcome goes to the termination log: not of a probe
}

// run is main without the process: it does not exit.
func (p *process) run(ctx context.Context) int {
	p.output = output{termination: terminationDefault(p.env)}
	isolate(p.env)
	log.SetOutput(io.Discard) // net/http writes what servers send to it
	err := p.dispatch(ctx)
	if _, command := errors.AsType[*child.ExitError](err); err != nil && !command {
		p.report(err) // how the command ended is its own to tell
	}
	return exitCode(err)
}

func (p *process) dispatch(ctx context.Context) (err error) {
	defer crash.Recover(&err)
	own, command, found := cutCommand(p.args)
	if found && len(command) == 0 {
		return usagef("no command after --")
	}
	p.command = command
	p.termination = !p.isProbe(own)
	app := newApp(p)
	args, err := moveFlags(app, own)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, args)
}

// isProbe reports whether this is `wait --once`, before the flags are parsed and
// even if they cannot be: it runs beside the application, whose the termination
// log is.
func (p *process) isProbe(args []string) bool {
	variable, _ := p.lookup("INITH_WAIT_ONCE")
	once, _ := strconv.ParseBool(variable)
	for _, arg := range args {
		if isFlag(arg) && flagName(arg) == "once" {
			_, value, hasValue := strings.Cut(arg, "=")
			set, err := strconv.ParseBool(value)
			once = !hasValue || err != nil || set
		}
	}
	return once
}

// isolate takes libpq's variables from the environment of this process, not of
// the command: pgconn would read them, and no target means them.
func isolate(env []string) {
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name)
		}
	}
}

// lookup returns a variable; an empty one is unset.
func (p *process) lookup(name string) (string, bool) {
	value := getenv(p.env, name)
	return value, value != ""
}

func getenv(env []string, name string) string {
	value := ""
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// secretVar returns the value of the variable NAME, or what is in the file that
// NAME_FILE names. Its errors quote neither.
func (p *process) secretVar(name string) (string, error) {
	if value, ok := p.lookup(name); ok {
		return value, nil
	}
	file, ok := p.lookup(name + "_FILE")
	if !ok {
		return "", usagef("neither $%s nor $%s_FILE is set", name, name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", usagef("$%s_FILE names a file that cannot be read: %w", name, errors.Unwrap(err))
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return "", usagef("$%s_FILE names an empty file", name)
	}
	return value, nil
}

// A usageError is a mistake on the command line or in a variable. Nothing was
// tried.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}
