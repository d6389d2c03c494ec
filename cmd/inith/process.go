package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // only to silence it
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/termination"
	"github.com/inith/inith/tasks/plan"
)

// A process is what the operating system gives and takes: all of inith's
// contact with it goes through here.
type process struct {
	args           []string
	env            []string // as it was at the start: the command's
	stdout, stderr *os.File

	own         []string // of args, what is inith's
	command     []string // what follows "--"
	path        string   // of the program of command
	output      output   // how to speak, from the global flags
	termination bool     // the outcome goes to the termination log: not of a probe

	steps   stepWriter   // of a plan: where its steps write
	log     *slog.Logger // of a step of a plan; nil: that of stderr
	bounded bool         // of a step that has a timeout: its command has none then, unless it is given
}

// run is main without the process: it does not exit.
func (p *process) run(ctx context.Context) int {
	isolate(p.env)
	log.SetOutput(io.Discard) // net/http writes what servers send to it
	err := p.dispatch(ctx)
	_, command := errors.AsType[*subprocess.ExitError](err)
	_, step := errors.AsType[*plan.StepError](err)
	if err != nil && (!command || step) {
		p.report(err) // how the command ended is its own to tell
	}
	return exitCode(err)
}

func (p *process) dispatch(ctx context.Context) (err error) {
	defer crash.Recover(&err)
	var found bool
	p.own, p.command, found = cutCommand(p.args)
	p.readEarly()
	if found && len(p.command) == 0 {
		return usagef("no command after --")
	}
	app := newApp(p)
	args, err := moveFlags(app, p.own)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, args)
}

// readEarly reads how a mistake is told, before the flags are parsed and even if
// they cannot be. A probe (wait --once) runs beside the application, whose the
// termination log is.
func (p *process) readEarly() {
	early := func(flag, variable string) string {
		value, _ := p.lookup(variable)
		return cmp.Or(rawFlag(p.own, flag), value)
	}
	p.output.json = early("log-format", "INITH_LOG_FORMAT") == "json"
	p.output.termination = cmp.Or(early("termination-log", "INITH_TERMINATION_LOG"), termination.DefaultPath)
	once := early("once", "INITH_WAIT_ONCE")
	no, err := strconv.ParseBool(once)
	p.termination = once == "" || err == nil && !no
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
	value, _ := p.variable(name)
	return value, value != ""
}

// variable returns a variable as CMD gets it: an empty one is set.
func (p *process) variable(name string) (value string, set bool) {
	for _, pair := range p.env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value, set = v, true
		}
	}
	return value, set
}

// secretVar returns the value of the variable NAME, or what is in the file that
// NAME_FILE names. Its errors quote neither.
func (p *process) secretVar(name string) (string, error) {
	if !isVariableName(name) { // a value in its place is kept out of messages
		return "", usagef("--from-env and its like want the name of a variable, not its value")
	}
	if value, ok := p.lookup(name); ok {
		return strings.TrimSpace(value), nil
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
