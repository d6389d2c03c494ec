package subprocess_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/internal/subprocess"
)

// shell returns a command beside others, which leaves the signals of this process
// alone, and what it writes.
func shell(t *testing.T, script string) (subprocess.Command, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = r.Close(), w.Close(), null.Close() })
	return subprocess.Command{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Stdout: w, Stderr: null, Shared: true, Group: true}, r
}

// awaitLine waits until a command has said something, which is when its traps are
// set.
func awaitLine(t *testing.T, out io.Reader) {
	t.Helper()
	if _, err := out.Read(make([]byte, 64)); err != nil {
		t.Error(err)
	}
}

func codeOf(err error) int {
	if e, ok := errors.AsType[*subprocess.ExitError](err); ok {
		return e.Code
	}
	return 0
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143, "kill -KILL $$": 137} {
		c, _ := shell(t, script)
		if got := codeOf(c.Run(t.Context())); got != want {
			t.Errorf("%s: code %d, want %d", script, got, want)
		}
	}
	c := subprocess.Command{Path: "/nosuch", Argv: []string{"nosuch"}, Shared: true}
	if err := c.Run(t.Context()); err == nil || err.Error() != `command "nosuch" not found` {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	if err := c.Run(ctx); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the cause of ctx", err)
	}
}

// TestEnd terminates commands: one that handles TERM, and some that ignore it, for which
// the grace has passed or is cut short.
func TestEnd(t *testing.T) {
	t.Parallel()
	const stubborn = `trap "" TERM; echo ready; while :; do sleep 0.05; done`
	for name, test := range map[string]struct {
		script string
		grace  time.Duration
		hurry  bool
		want   int
	}{
		"TERM":         {`trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done`, time.Hour, false, 9},
		"KILL":         {stubborn, 100 * time.Millisecond, false, 137},
		"KILL at once": {stubborn, time.Hour, true, 137},
		"whole group":  {`trap "exit 9" TERM; (trap "" TERM; echo ready; sleep 60) & wait`, 5 * time.Second, false, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, out := shell(t, test.script)
			end, kill := make(chan struct{}), make(chan struct{})
			c.End, c.Kill, c.Grace = end, kill, test.grace
			go func() {
				awaitLine(t, out)
				close(end)
				if test.hurry {
					close(kill)
				}
			}()
			if got := codeOf(c.Run(t.Context())); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
			_ = c.Stdout.Close()
			if b, err := io.ReadAll(out); err != nil || len(b) > 0 { // it ends when no process has it open
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

// TestEndContinues ends a group that is stopped: it can handle TERM only once it is
// continued, and is killed otherwise.
func TestEndContinues(t *testing.T) {
	t.Parallel()
	c, out := shell(t, `trap "exit 9" TERM; echo $$; kill -STOP 0; while :; do sleep 0.05; done`)
	end := make(chan struct{})
	c.End, c.Grace = end, 30*time.Second
	go func() {
		defer close(end)
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Error(err)
			return
		}
		awaitStopped(t, strings.TrimSpace(line))
	}()
	if got := codeOf(c.Run(t.Context())); got != 9 {
		t.Errorf("code %d, want 9", got)
	}
}

// awaitStopped waits until a process is stopped, as proc(5) shows it.
func awaitStopped(t *testing.T, pid string) {
	t.Helper()
	for {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			t.Error(err)
			return
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(state, "T") {
			return
		}
		<-time.After(time.Millisecond)
	}
}

// TestLingering has a process that the command leaves wait until Lingering is called.
func TestLingering(t *testing.T) {
	t.Parallel()
	c, out := shell(t, `(read line <&3; echo late) & exit 0`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	calls := 0
	c.Keep, c.Lingering = r, func() { calls++; _, _ = w.WriteString("go on\n") }
	if err := c.Run(t.Context()); err != nil || calls != 1 {
		t.Errorf("got %v, called %d times, want once", err, calls)
	}
	_ = c.Stdout.Close()
	if b, _ := io.ReadAll(out); strings.TrimSpace(string(b)) != "late" {
		t.Errorf("ended before what it had left: %q", b)
	}
}

// TestEndLingering ends what the command has left.
func TestEndLingering(t *testing.T) {
	t.Parallel()
	c, _ := shell(t, `(trap "" TERM; sleep 60) & exit 3`)
	end := make(chan struct{})
	c.End, c.Grace, c.Lingering = end, 100*time.Millisecond, func() { close(end) }
	if got := codeOf(c.Run(t.Context())); got != 3 {
		t.Errorf("code %d, want 3", got)
	}
}

// TestKeep has a command and what it leaves behind keep a file open.
func TestKeep(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	c, _ := shell(t, `(echo kept >&3) & wait`)
	c.Keep = f
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.Name()); string(b) != "kept\n" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
}

// A sent is a signal as the cause of a context.
type sent syscall.Signal

func (sent) Error() string            { return "a signal" }
func (s sent) Signal() syscall.Signal { return syscall.Signal(s) }

// TestEarlySignal ends the context by a signal that came before the command looked out for signals: the command gets it.
func TestEarlySignal(t *testing.T) {
	for cause, want := range map[error]int{sent(syscall.SIGTERM): 143, io.ErrClosedPipe: 7} {
		c, out := shell(t, "echo ready; read line; exit 7")
		c.Shared = false
		stdin, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer replaceStdin(stdin)()
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			awaitLine(t, out)
			cancel(cause)
			if want == 7 { // nothing else ends it
				_ = w.Close()
			}
		}()
		if got := codeOf(c.Run(ctx)); got != want {
			t.Errorf("%v: code %d, want %d", cause, got, want)
		}
		_ = w.Close()
	}
}

// replaceStdin gives commands another stdin, until restore is called. Not for parallel tests.
func replaceStdin(f *os.File) (restore func()) {
	stdin := os.Stdin
	os.Stdin = f
	return func() { os.Stdin = stdin }
}
