package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is a network namespace without a name: it ends with the last
// process and the last descriptor in it. Nil is that of the benchmark.
type namespace struct{ f *os.File }

func newNamespace() (*namespace, error) {
	n := &namespace{}
	err := onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		n.f, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return n, err
}

// do calls f on a thread in the namespace. Processes that f starts are in it.
func (n *namespace) do(f func() error) error {
	if n == nil {
		return f()
	}
	return onThread(func() error {
		if err := unix.Setns(int(n.f.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// onThread calls f on a thread that ends with it, whatever f did to that.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		done <- f()
	}()
	return <-done
}

// run runs a command in the namespace.
func (n *namespace) run(ctx context.Context, argv ...string) error {
	return n.do(func() error {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // ip and tc
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
		return nil
	})
}

func (n *namespace) close() {
	if n != nil {
		_ = n.f.Close()
	}
}
