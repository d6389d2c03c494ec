package main

import (
	"context"
	"errors"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/crash"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/probe"
	"github.com/inith/inith/sidecar/audit"
	"github.com/inith/inith/tasks/migrate"
	"github.com/inith/inith/tasks/plan"
)

// Exit codes. They are part of the interface: [exitTable] documents them.
const (
	exitOK            = 0
	exitFailed        = 1
	exitUsage         = 2
	exitVerification  = 3
	exitCrash         = 70 // EX_SOFTWARE of sysexits.h
	exitTimeout       = 124
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128
)

// exitTable is the table of exit codes in README.md and in every help.
func exitTable() [][2]string {
	return [][2]string{
		{"0", "done"},
		{"1", "failed"},
		{"2", "wrong usage, or an invalid list, plan or rules file: nothing was tried"},
		{"3", "verification failed: the content is not what was asked for, or there are problems"},
		{"70", "inith itself crashed"},
		{"124", "the deadline (--timeout, --lock-timeout) passed"},
		{"126", "the command after -- cannot be executed"},
		{"127", "the command after -- was not found"},
		{"128+n", "ended by signal n"},
		{"other", "the exit code of the command after --, or of the step that failed"},
	}
}

// A deadlineError is the cause of a context whose time, given by --timeout, is
// over. No other deadline is one.
type deadlineError struct{ limit time.Duration }

func (e *deadlineError) Error() string { return "--timeout of " + duration.FormatLimit(e.limit) }

// withTimeout ends a context with a deadlineError after limit; zero is none.
func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, &deadlineError{limit})
}

// exitCode is the only place where an error becomes a number.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[*crash.Error](err); ok {
		return exitCrash
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if e, ok := errors.AsType[*subprocess.StartError](err); ok {
		if e.NotFound {
			return exitNotFound
		}
		return exitNotExecutable
	}
	if e, ok := errors.AsType[*subprocess.ExitError](err); ok {
		return e.Code
	}
	_, linted := errors.AsType[*lintError](err)
	_, chain := errors.AsType[*audit.ChainError](err)
	if linted || chain || isVerification(err) || isFindings(err) != nil {
		return exitVerification
	}
	return exitCodeOfWork(err)
}

// isVerification reports whether something was there and was not what was asked
// for.
func isVerification(err error) bool {
	_, digest := errors.AsType[*fetch.DigestError](err)
	_, evidence := errors.AsType[*fetch.EvidenceError](err)
	_, object := errors.AsType[*fetch.ObjectError](err)
	return digest || evidence || object
}

// exitCodeOfWork decides for work that was tried and ended.
func exitCodeOfWork(err error) int {
	if _, ok := errors.AsType[*probe.PermanentError](err); ok {
		return exitFailed // the deadline of a sibling must not mask the cause
	}
	if e, ok := errors.AsType[*signalError](err); ok {
		return exitSignal + int(e.sig)
	}
	if _, ok := errors.AsType[*deadlineError](err); ok {
		return exitTimeout
	}
	_, step := errors.AsType[*plan.DeadlineError](err)
	if _, lock := errors.AsType[*migrate.DeadlineError](err); lock || step {
		return exitTimeout
	}
	return exitFailed
}
