package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/testing/simserver"
)

// cmdExits is "exits CODE inith ARG...": testscript itself only knows success
// and failure. It searches what inith wrote for the canary.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	for _, name := range []string{"stdout", "stderr"} {
		if form := findCanary(ts.ReadFile(name)); form != "" {
			ts.Fatalf("%s shows a secret, as %q", name, form)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdSignal is "signal NAME REGEXP [NAME REGEXP]... CODE inith ARG...": inith gets each signal once its stderr matches, and
// has to end with that exit code (-N: killed by signal N) after the last one.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	steps := 0
	for steps+1 < len(args) && strings.HasPrefix(args[steps], "SIG") {
		steps += 2
	}
	if neg || steps == 0 || len(args) < steps+2 {
		ts.Fatalf("usage: signal NAME REGEXP [NAME REGEXP]... CODE CMD...")
	}
	want, err := strconv.Atoi(args[steps])
	ts.Check(err)
	cmd := bareCommand(ts, args[steps+1:])
	stdout, stderr := &strings.Builder{}, &awaited{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for step := range slices.Chunk(args[:steps], 2) {
		pattern, err := regexp.Compile(step[1])
		ts.Check(err)
		select {
		case <-stderr.expect(pattern):
		case err := <-done:
			ts.Fatalf("ended before it wrote %s: %v: %s", step[1], err, stderr)
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			ts.Fatalf("has not written %s: %s", step[1], stderr)
		}
		ts.Check(cmd.Process.Signal(unix.SignalNum(step[0])))
	}
	select {
	case err := <-done:
		ts.Logf("ended: %v", err)
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		ts.Fatalf("has not ended after the last signal")
	}
	ts.Check(os.WriteFile(ts.MkAbs("signal.stdout"), []byte(stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("signal.stderr"), []byte(stderr.String()), 0o600))
	if got := exitCodeOf(cmd.ProcessState); got != want {
		ts.Fatalf("exit code %d, want %d: %s", got, want, stderr)
	}
}

// patience is what a machine takes at most that is a hundred times slower.
const patience = 3 * time.Minute

// An awaited stream says when what was written matches.
type awaited struct {
	mu      sync.Mutex
	all     strings.Builder
	pattern *regexp.Regexp // nil: nothing is awaited
	seen    chan struct{}
}

// expect returns a channel that is closed when what was written since the start matches.
func (a *awaited) expect(pattern *regexp.Regexp) (seen <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pattern, a.seen = pattern, make(chan struct{})
	defer a.match()
	return a.seen
}

func (a *awaited) match() {
	if a.pattern != nil && a.pattern.MatchString(a.all.String()) {
		a.pattern = nil
		close(a.seen)
	}
}

func (a *awaited) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Write(b)
	a.match()
	return len(b), nil
}

func (a *awaited) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all.String()
}

// bareCommand returns a command in the directory of the script, with a bare environment.
func bareCommand(ts *testscript.TestScript, args []string) *exec.Cmd {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	return cmd
}

func exitCodeOf(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return s.ExitCode()
}

func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "INITH_LOG_FORMAT", "INITH_TERMINATION_LOG", "HOME"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// cmdBecome is "become VARIABLE AFTER": the server at that address, which refuses
// now, starts to listen after that time and is ready.
func cmdBecome(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: become VARIABLE AFTER")
	}
	after, err := time.ParseDuration(args[1])
	ts.Check(err)
	address := ts.Getenv(args[0])
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(after):
		}
		if s, err := simserver.Listen(ctx, "tcp", address, simserver.RedisPing("+PONG\r\n")); err == nil {
			<-ctx.Done()
			s.Close()
		}
	}()
}

// cmdUnread is "unread CODE inith ARG...": nobody reads stderr, and its pipe is
// closed.
func cmdUnread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: unread CODE CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := bareCommand(ts, args[1:])
	r, w, err := os.Pipe()
	ts.Check(err)
	ts.Check(r.Close())
	cmd.Stderr = w
	ts.Check(cmd.Start())
	ts.Check(w.Close())
	err = cmd.Wait()
	if got := exitCodeOf(cmd.ProcessState); got != want {
		ts.Fatalf("exit code %d, want %d: %v", got, want, err)
	}
}

// cmdLater is "later AFTER FROM TO": after that time the file is there under
// another name too.
func cmdLater(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: later AFTER FROM TO")
	}
	after, err := time.ParseDuration(args[0])
	ts.Check(err)
	from, to := ts.MkAbs(args[1]), ts.MkAbs(args[2])
	var wg sync.WaitGroup
	wg.Go(func() {
		<-time.After(after)
		_ = os.Link(from, to)
	})
	ts.Defer(wg.Wait)
}
