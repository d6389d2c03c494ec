package main

import (
	"context"
	"errors"
	"io"
	"log" //nolint:depguard // only to silence it
	"os"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/tasks/plan"
)

// A process is what the operating system gives and takes.
type process struct {
	args           []string
	env            environment.Variables // as it was at the start: that of CMD
	stdout, stderr *os.File
	again          <-chan error           // a second signal
	hangups        func() <-chan struct{} // takes SIGHUP over; nil if there are none
}

// run is main without the process: it does not exit.
func (p *process) run(ctx context.Context) int {
	isolate(p.env)
	log.SetOutput(io.Discard) // net/http writes what servers send to it
	own, child, found := cutCommand(p.args)
	r := newReporter(p, own)
	err := p.dispatch(ctx, r, own, child, found)
	_, command := errors.AsType[*subprocess.ExitError](err)
	_, step := errors.AsType[*plan.StepError](err)
	if err != nil && (!command || step) { // CMD itself says why it failed
		r.report(err)
	}
	return exitCode(err)
}

// dispatch runs the command that args name. Child is what follows "--", if that was found.
func (p *process) dispatch(ctx context.Context, r *reporter, args, child []string, found bool) (err error) {
	defer crash.Recover(&err)
	if found && len(child) == 0 {
		return usagef("no command after --")
	}
	a := newApp(p, r, child)
	moved, err := a.moveFlags(args)
	if err != nil {
		return err
	}
	return a.cli().RunContext(ctx, moved)
}

// cutCommand splits args at the first "--". It is done here because cli drops the "--" after flags but keeps it after
// arguments.
func cutCommand(args []string) (own, command []string, found bool) {
	i := slices.Index(args, "--")
	if i < 0 {
		return args, nil, false
	}
	return args[:i], args[i+1:], true
}

// isolate takes libpq's variables from the environment of this process, not from that of CMD: pgconn would read them,
// and no target means them.
func isolate(env environment.Variables) {
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name)
		}
	}
}
