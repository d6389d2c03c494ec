package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const roleLaunch = "launch"

// An order is what a launcher is to run and, after that, to write to disk.
type order struct {
	Argv, Env []string
	Sync      string // a folder of files; "": the tool did it
}

// An outcome is how a tool ended and what it took, with its own children.
type outcome struct {
	Wall   time.Duration `json:"wall_ns"` // with Fsync
	Fsync  time.Duration `json:"fsync_ns"`
	User   time.Duration `json:"user_ns"`
	System time.Duration `json:"system_ns"`
	Peak   int64         `json:"peak_bytes"` // VmHWM of its largest process
	Code   int           `json:"exit_code"`  // 128+n: ended by signal n
}

// launch runs a tool for the benchmark, in a process of its own: the kernel
// counts in a child's ru_maxrss what its parent had in memory at execve, and
// that should be little. When the benchmark is killed, so is the tool.
func launch(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	var o order
	in := json.NewDecoder(stdin)
	if err := in.Decode(&o); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		_ = syscall.Kill(0, syscall.SIGKILL) // the group that the benchmark made
	}()
	cmd := exec.CommandContext(ctx, o.Argv[0], o.Argv[1:]...) //nolint:gosec // the tools of this benchmark
	cmd.Env, cmd.Stderr = o.Env, os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Wait() // ProcessState tells
	var r outcome
	if o.Sync != "" && cmd.ProcessState.Success() {
		ended := time.Now()
		if err := syncFiles(o.Sync); err != nil {
			return err
		}
		r.Fsync = time.Since(ended)
	}
	r.Wall = time.Since(start)
	s := cmd.ProcessState
	r.User, r.System, r.Code = s.UserTime(), s.SystemTime(), s.ExitCode()
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		r.Code = 128 + int(ws.Signal())
	}
	if usage, ok := s.SysUsage().(*syscall.Rusage); ok {
		r.Peak = usage.Maxrss * kib
	}
	return json.NewEncoder(stdout).Encode(r)
}

// syncFiles writes the files of a folder to disk, some at a time, as a tool
// would that cares.
func syncFiles(dir string) error {
	names := make(chan string)
	failed := make(chan error, connections)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			var errs []error
			for name := range names {
				f, err := os.Open(name)
				if err == nil {
					err = errors.Join(f.Sync(), f.Close())
				}
				errs = append(errs, err)
			}
			failed <- errors.Join(errs...)
		})
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names <- name
		}
		return err
	})
	close(names)
	wg.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// execute has a launcher run a tool in a namespace, and returns what the tool
// took and the end of what it said.
func execute(ctx context.Context, in *namespace, o order) (outcome, string, error) {
	var r outcome
	self, err := os.Executable()
	if err != nil {
		return r, "", err
	}
	log, err := os.CreateTemp("", "inith-bench-stderr-") // a pipe would be held open by orphans
	if err != nil {
		return r, "", err
	}
	defer func() { _ = errors.Join(log.Close(), os.Remove(log.Name())) }()
	cmd := exec.CommandContext(ctx, self, roleLaunch) //nolint:gosec // this program
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), &out, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return r, "", err
	}
	if err := in.do(cmd.Start); err != nil {
		return r, "", fmt.Errorf("start a launcher: %w", err)
	}
	sent := json.NewEncoder(stdin).Encode(o) // and stdin stays open
	ended := cmd.Wait()
	if ctx.Err() != nil {
		return r, tail(log), ctx.Err()
	}
	if err := errors.Join(sent, ended); err != nil {
		return r, "", fmt.Errorf("launch %v: %w: %s", o.Argv, err, tail(log))
	}
	return r, tail(log), json.Unmarshal(out.Bytes(), &r)
}
