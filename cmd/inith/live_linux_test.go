package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/testing/simserver"
)

// terminal returns both ends of a new pseudo-terminal.
func pseudoTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// TestLiveDisplay runs inith with a terminal for stderr.
func TestLiveDisplay(t *testing.T) {
	up, err := simserver.Listen(t.Context(), "tcp", "127.0.0.1:0", simserver.RedisPing("+PONG\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	for _, tt := range []struct {
		name          string
		env, args     []string
		want, refused string
	}{
		{"rows in color", []string{"TERM=xterm"}, nil, "\x1b[32m✓\x1b[0m redis://" + up.Addr(), "level=INFO"},
		{"rows without color", []string{"TERM=xterm", "NO_COLOR=1"}, nil, "✓ redis://" + up.Addr(), "\x1b[32m"},
		{"a dumb terminal", []string{"TERM=dumb"}, nil, "msg=ready", "\x1b["},
		{"no TERM", nil, nil, "msg=ready", "\x1b["},
		{"JSON", []string{"TERM=xterm"}, []string{"--log-format=json"}, `"msg":"ready"`, "\x1b["},
		{"debug", []string{"TERM=xterm"}, []string{"--log-level=debug"}, "msg=ready", "\x1b["},
		{"silence", []string{"TERM=xterm"}, []string{"--log-level=warn"}, "", "ready"},
		{"no row for one attempt", []string{"TERM=xterm"}, []string{"--once"}, "msg=ready", "\x1b["},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := onTerminal(t, tt.env, append([]string{"wait", "redis://user:s3cr3t@" + up.Addr() + "#level=proto"}, tt.args...)...)
			if !strings.Contains(out, tt.want) || strings.Contains(out, tt.refused) || strings.Contains(out, "s3cr3t") {
				t.Errorf("output %q, want %q and not %q", out, tt.want, tt.refused)
			}
		})
	}
}

// TestLiveRun runs a plan with a terminal: rows show its steps, what commands write
// appears above them.
func TestLiveRun(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	text := "steps:\n- {name: first, exec: [sh, -c, 'echo out; echo err >&2; sleep 1']}\n- {name: then, needs: first, exec: ['true']}\n"
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := onTerminal(t, []string{"TERM=xterm"}, "run", plan)
	for _, want := range []string{
		"\x1b[Jfirst | err\r\n", "\x1b[33m…\x1b[0m first  exec", "  then   exec              after first", "\x1b[32m✓\x1b[0m then   exec",
		"inith: * first  exec", "inith: critical path: first ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	if strings.Contains(out, "level=INFO") {
		t.Errorf("rows and a log: %q", out)
	}
}

// onTerminal returns what inith writes to the terminal that is its stderr.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	self, err := exec.LookPath("inith") // testscript puts the commands of TestMain there
	if err != nil {
		t.Fatal(err)
	}
	master, slave := pseudoTerminal(t)
	cmd := exec.CommandContext(context.Background(), self, args...)
	cmd.Env, cmd.Stderr = append(env, "PATH="+os.Getenv("PATH")), slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, master) // ends with EIO when the last writer is gone
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
	return out.String()
}

// TestInitGivesTheTerminalBack runs inith --init in a shell script that reads from
// the terminal afterwards, and as a process that stdin's terminal does not belong
// to.
func TestInitGivesTheTerminalBack(t *testing.T) {
	up, err := simserver.Listen(t.Context(), "tcp", "127.0.0.1:0", simserver.Silent)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	wait := "inith wait --init tcp://" + up.Addr() + " -- "
	for name, tt := range map[string]struct{ script, typed, want string }{
		"script goes on": {wait + "true; read x; echo got $x", "hello\n", "got hello"},
		"not ours":       {"setsid -w " + wait + "echo runs", "", "runs"},
	} {
		t.Run(name, func(t *testing.T) {
			master, slave := pseudoTerminal(t)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", tt.script)
			cmd.Stdin, cmd.Stdout = slave, slave
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = slave.Close()
			if _, err := io.WriteString(master, tt.typed); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			_, _ = io.Copy(&out, master)
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), tt.want) {
				t.Errorf("output %q, %v, want %q", &out, err, tt.want)
			}
		})
	}
}
