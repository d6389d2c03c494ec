package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// A command is a program with its arguments and what it needs in its
// environment besides PATH.
type command struct {
	argv []string
	env  []string
}

// environ is the environment of a child: PATH, and nothing that could configure
// one of the tools.
func (c command) environ() []string {
	path := os.Getenv("PATH") //nolint:forbidigo // the benchmark's own setting, not inith's
	return append([]string{"PATH=" + path}, c.env...)
}

// An outcome is how a child ended and what it took, with its own children.
type outcome struct {
	start, end time.Time
	code       int // 128+n: ended by signal n
	cpu        time.Duration
	stderr     string // the end of it
}

// execute runs a command to its end. After limit, it and its children are
// killed: not every tool keeps to its own timeout.
func execute(ctx context.Context, c command, limit time.Duration, started func(pid int)) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	log, err := os.CreateTemp("", "inith-bench-stderr-") // a pipe would be held open by orphans
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = errors.Join(log.Close(), os.Remove(log.Name())) }()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...) //nolint:gosec // the tools of this benchmark
	cmd.Env, cmd.Stderr = c.environ(), log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	o := outcome{start: time.Now()}
	if err := cmd.Start(); err != nil {
		return o, fmt.Errorf("start %s: %w", c.argv[0], err)
	}
	if started != nil {
		started(cmd.Process.Pid)
	}
	_ = cmd.Wait() // ProcessState tells
	o.end = time.Now()
	s := cmd.ProcessState
	o.cpu, o.code = s.UserTime()+s.SystemTime(), s.ExitCode()
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		o.code = 128 + int(ws.Signal())
	}
	o.stderr = tail(log)
	return o, nil
}

func tail(f *os.File) string {
	const most = 400
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-most), io.SeekStart)
	}
	b, _ := io.ReadAll(f)
	return string(bytes.TrimSpace(b))
}

// highWater returns VmHWM of a process, in bytes; zero if it is gone.
func highWater(pid int) int64 {
	peak, err := report.Memory(pid, "VmHWM")
	if err != nil {
		return 0
	}
	return peak
}

// Of ptrace(2) and waitpid(2); package syscall lacks them.
const (
	traceFork, traceVfork, traceExit, exitKill = 0x2, 0x4, 0x40, 0x100000
	eventExit                                  = 6
	waitAll, waitNoThread                      = 0x40000000, 0x20000000
)

// peakOf runs a command to its end and returns the VmHWM of the largest of its
// processes, read when that is about to exit. The child's ru_maxrss would not do:
// the kernel counts in it what the parent had in memory at execve.
func peakOf(c command, limit time.Duration) (int64, error) {
	type result struct {
		peak int64
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // ptrace knows threads; this one ends here, and what it still traces is killed
		peak, err := trace(c, limit)
		done <- result{peak, err}
	}()
	r := <-done
	return r.peak, r.err
}

func trace(c command, limit time.Duration) (int64, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	p, err := os.StartProcess(c.argv[0], c.argv, &os.ProcAttr{
		Env: c.environ(), Files: []*os.File{null, null, null}, Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("trace %s: %w", c.argv[0], err)
	}
	defer func() { _ = p.Release() }()
	pid := p.Pid
	watchdog := time.AfterFunc(limit, func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	defer watchdog.Stop()
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, waitAll, nil); err != nil {
		return 0, fmt.Errorf("wait for %s: %w", c.argv[0], err)
	}
	if err := syscall.PtraceSetOptions(pid, traceFork|traceVfork|traceExit|exitKill); err != nil {
		return 0, errors.Join(fmt.Errorf("ptrace: %w", err), p.Kill())
	}
	return follow(pid)
}

// follow lets a stopped process and its children go on until it has ended.
func follow(pid int) (peak int64, err error) {
	stopped := pid
	signal := 0
	for {
		if err := syscall.PtraceCont(stopped, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return 0, fmt.Errorf("ptrace: %w", err)
		}
		var ws syscall.WaitStatus
		for { // until one of them stops
			stopped, err = syscall.Wait4(-1, &ws, waitAll|waitNoThread, nil)
			if err != nil && !errors.Is(err, syscall.EINTR) {
				return 0, fmt.Errorf("wait: %w", err)
			}
			if stopped == pid && (ws.Exited() || ws.Signaled()) {
				return peak, exitError(ws)
			}
			if err == nil && ws.Stopped() {
				break
			}
		}
		signal = 0
		switch {
		case ws.StopSignal() == syscall.SIGTRAP && ws.TrapCause() == eventExit:
			peak = max(peak, highWater(stopped))
		case ws.StopSignal() != syscall.SIGTRAP && ws.StopSignal() != syscall.SIGSTOP:
			signal = int(ws.StopSignal())
		}
	}
}

func exitError(ws syscall.WaitStatus) error {
	if ws.ExitStatus() == 0 {
		return nil
	}
	return fmt.Errorf("exit status %d, signal %d", ws.ExitStatus(), ws.Signal())
}
