package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/tasks/validate"
)

func TestExitCode(t *testing.T) {
	deadline, term := &deadlineError{time.Minute}, &signalError{syscall.SIGTERM}
	target, err := probe.Open("tcp://x:1", probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	notReady := func(err, cause error) error { return &probe.NotReadyError{Target: target, Err: err, Cause: cause} }
	down := errors.New("down")
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"success", nil, 0},
		{"any failure", down, 1},
		{"usage", fmt.Errorf("x: %w", &usageError{down}), 2},
		{"several usage errors", errors.Join(usagef("a"), usagef("b")), 2},
		{"problems", fmt.Errorf("x: %w", &findingsError{make([]validate.Finding, 1)}), 3},
		{"crash", fmt.Errorf("x: %w", &crash.Error{}), 70},
		{"our deadline", notReady(down, deadline), 124},
		{"somebody else's deadline", notReady(context.DeadlineExceeded, nil), 1},
		{"permanent overrides the deadline of a sibling", errors.Join(notReady(down, deadline), notReady(probe.Permanent(down), nil)), 1},
		{"refused credentials", notReady(probe.Rejected(down), nil), 1},
		{"refused credentials until the deadline", notReady(probe.Rejected(down), deadline), 124},
		{"not executable", &subprocess.StartError{Name: "x"}, 126},
		{"not found", &subprocess.StartError{Name: "x", NotFound: true}, 127},
		{"code of the command", &subprocess.ExitError{Code: 42}, 42},
		{"SIGINT", &signalError{syscall.SIGINT}, 130},
		{"SIGTERM during the wait", notReady(down, term), 143},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}
