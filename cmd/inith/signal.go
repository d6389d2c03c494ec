package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A signalError is the cause of a context that a signal ended.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string { return "received " + unix.SignalName(e.sig) }

// Signal makes it a [subprocess.Signal].
func (e *signalError) Signal() syscall.Signal { return e.sig }

// signalContext ends the context on the first SIGHUP, SIGINT, SIGQUIT or
// SIGTERM. Again delivers the second one; most commands ignore it, since they end soon after the first.
// PID 1 gets none of them that it does not handle. Unlike the context of
// [signal.NotifyContext], it tells which signal it was, for the exit code.
//
// Hangups takes SIGHUP over for a command that does something else with it than to end.
func signalContext(parent context.Context) (ctx context.Context, again <-chan error, hangups func() <-chan struct{}) {
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
	var taken atomic.Bool
	hung := make(chan struct{}, 1)
	next := func() os.Signal {
		for {
			s := <-ch
			if s != syscall.SIGHUP || !taken.Load() {
				return s
			}
			select {
			case hung <- struct{}{}:
			default: // one that nobody has seen yet says the same
			}
		}
	}
	go func() {
		cancel(asError(next()))
		second <- asError(next())
	}()
	return ctx, second, func() <-chan struct{} {
		taken.Store(true)
		return hung
	}
}

func asError(s os.Signal) error {
	sig, ok := s.(syscall.Signal)
	if !ok {
		sig = syscall.SIGTERM
	}
	return &signalError{sig}
}
