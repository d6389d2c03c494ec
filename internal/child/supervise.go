package child

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supervise starts the command and stays until it has ended, as the init process
// of a container does: every signal is forwarded to it, and orphans that end
// are reaped. It returns a [*StartError], the cause of ctx if that was done
// before the start, or an [*ExitError] for anything but success.
//
// stdin, stdout and stderr are those of this process. The command gets a process
// group of its own, so that a signal of the terminal reaches it once, and has the
// terminal while it runs, if this process has it.
func Supervise(ctx context.Context, path string, argv, env []string) error {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals) // from here on, each is forwarded or ends ctx
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	adoptOrphans()
	foreground := inForeground()
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{ //nolint:gosec // the command is the user's
		Env:   env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Foreground: foreground, Ctty: 0},
	})
	if err != nil {
		return startError(argv[0], err)
	}
	done := make(chan struct{})
	go forward(signals, pid, done)
	code := reap(pid)
	close(done)
	if foreground {
		takeTerminal()
	}
	if code != 0 {
		return &ExitError{Code: code}
	}
	return nil
}

// inForeground reports whether stdin is our controlling terminal and ours to use,
// which of a background job, or after setsid(1), it is not.
func inForeground() bool {
	group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// takeTerminal takes the terminal back from the command, for a shell script that
// we are part of. Whoever does that from the background gets SIGTTOU.
func takeTerminal() {
	signal.Ignore(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp())
}

// forward passes on each signal that another process can have sent us. SIGURG is
// the Go runtime's own; SIGCHLD is what reap is there for.
func forward(signals <-chan os.Signal, pid int, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			sig, ok := s.(syscall.Signal)
			if ok && sig != syscall.SIGCHLD && sig != syscall.SIGURG {
				_ = syscall.Kill(pid, sig) // it may have ended already
			}
		}
	}
}

// reap waits for all children until pid has ended, and returns its exit code.
func reap(pid int) int {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1 // ECHILD: somebody else has reaped it
		case got == pid && status.Signaled():
			return 128 + int(status.Signal())
		case got == pid && status.Exited():
			return status.ExitStatus()
		}
	}
}
