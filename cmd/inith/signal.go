package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// A signalError is the cause of a context that a signal ended.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string { return "received " + unix.SignalName(e.sig) }

// signalContext ends the context on the first SIGHUP, SIGINT, SIGQUIT or
// SIGTERM. Again delivers the second one; most commands ignore it, since they end soon after the first.
// PID 1 gets none of them that it does not handle. Unlike the context of
// [signal.NotifyContext], it tells which signal it was, for the exit code.
func signalContext(parent context.Context) (ctx context.Context, again <-chan error, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	// Catch SIGPIPE, so that a closed stderr gives EPIPE instead of killing the process. It is not ignored, since CMD
	// would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ch := make(chan os.Signal, 2)
	second := make(chan error, 1)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if !signal.Ignored(s) { // nohup, or trap '' HUP: it stays ignored, by us and by CMD
			signal.Notify(ch, s)
		}
	}
	go func() {
		select {
		case s := <-ch:
			cancel(asError(s))
			second <- asError(<-ch)
		case <-ctx.Done():
		}
	}()
	return ctx, second, func() {
		signal.Stop(ch)
		cancel(nil)
	}
}

func asError(s os.Signal) error {
	sig, ok := s.(syscall.Signal)
	if !ok {
		sig = syscall.SIGTERM
	}
	return &signalError{sig}
}
