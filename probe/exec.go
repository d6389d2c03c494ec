package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/usererr"
)

// execGrace is the time between TERM and KILL when an attempt of a command is over.
const execGrace = 100 * time.Millisecond

// OpenCommand returns a target that is ready when a command exits with 0. It is at [LevelState]. env is the command's
// whole environment; its stdin is empty and its output is discarded. Its name shows the program, but no argument, since
// that may be a secret. With down set, it waits until the command exits with anything else.
func OpenCommand(argv, env []string, down bool) (*Target, error) {
	if len(argv) == 0 {
		return nil, errors.New("the command is empty")
	}
	path, err := subprocess.Look(argv[0])
	if e, ok := errors.AsType[*subprocess.StartError](err); ok && e.NotFound {
		return nil, errors.New("the command does not exist")
	} else if err != nil {
		return nil, errors.New("the command cannot be executed")
	}
	name := "command"
	if program := redact.Word(filepath.Base(argv[0])); program != "" {
		name += " " + program
	}
	p := &command{path: path, argv: argv, env: env, dialer: &Dialer{}}
	return &Target{Name: name, Kind: "exec", Level: LevelState, Down: down, prober: p, dialer: p.dialer}, nil
}

// command is ready when a program exits with 0.
type command struct {
	path      string
	argv, env []string
	dialer    *Dialer
}

// Probe runs the command once. When ctx is done, inith terminates all processes that the command has started, except
// those that left its process group.
func (p *command) Probe(ctx context.Context) error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return usererr.Local(err)
	}
	defer func() { _ = null.Close() }()
	err = subprocess.Command{
		Path: p.path, Argv: p.argv, Env: p.env, Stdout: null, Stderr: null,
		Shared: true, Group: true, End: ctx.Done(), Grace: execGrace,
	}.Run(ctx)
	p.dialer.note(func(t *Trace) { t.Answered = true }) // attempts are far enough apart then
	exit, exited := errors.AsType[*subprocess.ExitError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &usererr.Error{Text: "did not exit before the attempt timeout", Err: ctx.Err()}
	case !exited:
		return Permanent(NotYet("cannot be executed", "check the file, its mode and its interpreter"))
	}
	return &usererr.Error{Text: fmt.Sprintf("exit code %d", exit.Code), Err: errAbsent}
}
