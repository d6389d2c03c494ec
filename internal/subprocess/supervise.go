package subprocess

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// groupPoll is the interval at which a process group is checked whose first process has
// ended: no signal reports that the last one has.
const groupPoll = 50 * time.Millisecond

// A Command is a program that is started and awaited. stdin, stdout and stderr are
// those of this process. It gets a process group of its own, so that a signal of
// the terminal reaches it once, and has the terminal while it runs, if this
// process has it.
type Command struct {
	Path      string
	Argv, Env []string

	Quiet bool     // stdin is empty, and what it writes to stdout goes to stderr
	Keep  *os.File // stays open in it and in what it starts; nil: none

	Stdout, Stderr *os.File // nil: those of this process

	// Shared says that other commands run beside it: its stdin is empty, it gets no
	// signal but by End, and only processes of its group are reaped.
	Shared bool

	// Group says that all processes of its group belong to it: signals that end
	// go to all of them, and it has not ended before the last one has. If this
	// process is killed, so is the command (on Linux).
	Group bool

	End       <-chan struct{} // once it is closed, the group is ended; nil: never
	Grace     time.Duration   // between TERM and KILL then
	Kill      <-chan struct{} // once it is closed, that time is over; nil: never
	Lingering func()          // called once if other processes of the group outlive the command; nil: not called
}

// Supervise starts the command and stays until it has ended, as the init process
// of a container does: every signal is forwarded to it, and orphans that end
// are reaped. It returns a [*StartError], the cause of ctx if that was done
// before the start, or an [*ExitError] for anything but success.
func Supervise(ctx context.Context, path string, argv, env []string) error {
	return Command{Path: path, Argv: argv, Env: env}.Run(ctx)
}

// A Signal is the cause of a context that a signal to this process has ended.
type Signal interface {
	error
	Signal() syscall.Signal
}

// Run is [Supervise] for any command. That ctx ends later changes nothing, unless the cause is a [Signal] that came before
// Run looked out for signals: it is forwarded.
func (c Command) Run(ctx context.Context) error {
	signals := make(chan os.Signal, 64)
	if c.Shared {
		signal.Notify(signals, syscall.SIGCHLD)
	} else {
		notifyAll(signals) // from here on, each is forwarded or ends ctx
	}
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	adoptOrphans()
	if c.Group { // the parent in the sense of prctl(PR_SET_PDEATHSIG) is the thread
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	foreground := !c.Quiet && !c.Shared && inForeground()
	pid, err := c.start(foreground)
	if err != nil {
		return startError(c.Argv[0], err)
	}
	s := &supervision{command: c, pid: pid, signals: signals, end: c.End, hurry: c.Kill}
	code := s.wait(ctx)
	if foreground {
		takeTerminal()
	}
	if code != 0 {
		return &ExitError{Code: code}
	}
	return nil
}

// start forks. What is to be kept open becomes descriptor 3.
func (c Command) start(foreground bool) (int, error) {
	stdin, stdout, stderr := os.Stdin, cmp.Or(c.Stdout, os.Stdout), cmp.Or(c.Stderr, os.Stderr)
	if c.Quiet || c.Shared {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return 0, err
		}
		defer func() { _ = null.Close() }()
		stdin = null
	}
	if c.Quiet {
		stdout = stderr
	}
	files := []uintptr{stdin.Fd(), stdout.Fd(), stderr.Fd()}
	if c.Keep != nil {
		files = append(files, c.Keep.Fd())
	}
	attr := &syscall.SysProcAttr{Setpgid: true, Foreground: foreground, Ctty: 0}
	if c.Group {
		dieWithUs(attr)
	}
	pid, err := syscall.ForkExec(c.Path, c.Argv, &syscall.ProcAttr{Env: c.Env, Files: files, Sys: attr}) //nolint:gosec // the command is the user's
	runtime.KeepAlive([]*os.File{stdin, stdout, stderr, c.Keep})
	return pid, err
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

// notifyAll asks for all signals except those that were ignored when this process began, as under nohup: the command must
// not get them either. Go's runtime keeps that of these two only.
func notifyAll(signals chan<- os.Signal) {
	var ignored []os.Signal
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			ignored = append(ignored, s)
		}
	}
	signal.Notify(signals)
	if len(ignored) > 0 { // without arguments, Ignore ignores all
		signal.Ignore(ignored...)
	}
}

// A supervision is the life of a command that has started.
type supervision struct {
	command Command
	pid     int
	signals <-chan os.Signal
	seen    bool // a signal that ends processes has come
	end     <-chan struct{}
	hurry   <-chan struct{}
	kill    <-chan time.Time // nil until the group is to end
	ended   bool
	code    int
}

// wait returns the exit code of the command when it has ended, and its group with
// it. SIGCHLD, or any other signal, has it look.
func (s *supervision) wait(ctx context.Context) int {
	done := ctx.Done()
	if s.command.Shared {
		done = nil
	}
	for {
		s.reap()
		if s.over() {
			return s.code
		}
		var poll <-chan time.Time
		if s.ended {
			poll = time.After(groupPoll)
		}
		select {
		case sig := <-s.signals:
			s.forward(sig)
		case <-done:
			done = nil
			s.catchUp(context.Cause(ctx))
		case <-s.end:
			s.end = nil
			s.signalGroup(syscall.SIGTERM)
			s.signalGroup(syscall.SIGCONT)                       // what is stopped does not end
			s.kill = cmp.Or(s.kill, time.After(s.command.Grace)) // that may be over already
		case <-s.hurry:
			s.hurry, s.kill = nil, time.After(0)
		case <-s.kill:
			s.signalGroup(syscall.SIGKILL)
			s.kill = time.After(time.Second)
		case <-poll:
		}
	}
}

// catchUp forwards the signal that has ended the context, if it came when only the context looked out for signals.
func (s *supervision) catchUp(cause error) {
	sent, ok := errors.AsType[Signal](cause)
	if !ok {
		return
	}
	signal.Stop(make(chan os.Signal)) // returns when a signal that is on its way has arrived
	for len(s.signals) > 0 {
		s.forward(<-s.signals)
	}
	if !s.seen {
		s.forward(sent.Signal())
	}
}

// forward passes on each signal that another process can have sent us: those that
// end to the whole group, if it belongs to the command. SIGURG is the Go runtime's
// own; reap handles SIGCHLD.
func (s *supervision) forward(got os.Signal) {
	sig, ok := got.(syscall.Signal)
	ends := []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}
	s.seen = s.seen || ok && slices.Contains(ends, sig)
	switch {
	case !ok || sig == syscall.SIGCHLD || sig == syscall.SIGURG:
	case s.command.Group && slices.Contains(ends, sig):
		s.signalGroup(sig)
	case !s.ended:
		_ = syscall.Kill(s.pid, sig)
	}
}

func (s *supervision) signalGroup(sig syscall.Signal) {
	_ = syscall.Kill(-s.pid, sig) // it may have ended already
}

// reap takes the children that have ended, and notes how the command did.
func (s *supervision) reap() {
	if s.command.Shared {
		s.reapThose(s.pid)
		s.reapThose(-s.pid) // what it has left behind
		return
	}
	s.reapThose(-1)
}

// reapThose takes the children that wait4(2) means by which.
func (s *supervision) reapThose(which int) {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(which, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			if !s.ended && which != -s.pid { // ECHILD: another part of the process has reaped it
				s.ended, s.code = true, 1
			}
			return
		case got == 0:
			return
		case got == s.pid && status.Signaled():
			s.ended, s.code = true, 128+int(status.Signal())
		case got == s.pid && status.Exited():
			s.ended, s.code = true, status.ExitStatus()
		}
	}
}

// over reports whether nothing of the command lives.
func (s *supervision) over() bool {
	if !s.ended || !s.command.Group {
		return s.ended
	}
	if syscall.Kill(-s.pid, 0) == syscall.ESRCH {
		return true
	}
	if s.command.Lingering != nil {
		s.command.Lingering()
		s.command.Lingering = nil
	}
	return false
}
