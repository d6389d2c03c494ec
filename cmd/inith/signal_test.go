package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestHangups has a command take SIGHUP over, which then no longer ends it.
func TestHangups(t *testing.T) {
	ctx, again, hangups := signalContext(t.Context())
	defer signal.Reset()
	heard := hangups()
	for range 3 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
	if ctx.Err() != nil {
		t.Fatal("SIGHUP has ended the command")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-heard
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if s, ok := errors.AsType[*signalError](<-again); !ok || s.sig != syscall.SIGINT {
		t.Errorf("the second signal is %v", s)
	}
}
