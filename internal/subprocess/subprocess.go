// Package subprocess starts the command that follows inith's own work: by execve, or
// as an init process that stays.
package subprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
)

// A StartError means that a command cannot be started. NotFound distinguishes the two
// cases for which sh(1) has different exit codes.
type StartError struct {
	Name     string
	NotFound bool // false: it exists but cannot be executed
	Err      error
}

func (e *StartError) Error() string {
	if strings.ContainsAny(e.Name, "=:") { // a secret may stand in the place of the name
		return "command not found: the word after -- is not a program (set environment variables with env NAME=VALUE CMD)"
	}
	if e.NotFound {
		return fmt.Sprintf("command %q not found", e.Name)
	}
	return fmt.Sprintf("command %q cannot be executed: %v", e.Name, e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// An ExitError is the end of a supervised command, as a shell would give it:
// its exit code, or 128 plus the signal that ended it. Zero is success.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("the command ended with exit code %d", e.Code) }

// Look finds the program of a command by the PATH of this process. Its error is a
// [*StartError].
func Look(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", startError(name, err)
	}
	return path, nil
}

// Exec becomes the command: same process, with argv and env. It returns only if
// that fails, with a [*StartError]. RLIMIT_NOFILE, which the Go runtime raises at
// start, is what it was before. It is not the parent of orphans that it does not
// know, as this process may have been.
func Exec(path string, argv, env []string) error {
	leaveOrphans()
	return startError(argv[0], syscall.Exec(path, argv, env)) //nolint:gosec // the command is the user's
}

func startError(name string, err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &StartError{Name: name, NotFound: errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist), Err: err}
}
