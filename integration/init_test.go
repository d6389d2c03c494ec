package integration_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

// TestInit has inith stay as PID 1.
func TestInit(t *testing.T) {
	t.Parallel()
	t.Run("stays", func(t *testing.T) {
		t.Parallel()
		const script = `tr '\0' ' ' </proc/1/cmdline; echo; [ $$ != 1 ] && echo "child of $PPID"; cat`
		args := newGate(t).args([]string{"--interactive"}, "--init", "--", "sh", "-c", script)
		r := runWithInput(t, strings.NewReader("stdin"), args...)
		lines := strings.Split(r.stdout, "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "/inith wait ") || lines[1] != "child of 1" || lines[2] != "stdin" {
			t.Errorf("stdout %q", r.stdout)
		}
	})
	t.Run("forwards signals", testForward)
	t.Run("reaps", testReap)
	t.Run("subreaper", testSubreaper)
	t.Run("exit code", testInitExitCode)
	t.Run("terminal", testTerminal)
}

// reporting says which signals it gets, and ends with 7 on SIGTERM. 37 is a
// realtime signal, as systemd uses.
const reporting = `for s in HUP INT QUIT USR1 USR2 PIPE ALRM WINCH 37; do trap "echo got $s." $s; done
	trap 'echo got TERM.; exit 7' TERM
	` + ticking

func testForward(t *testing.T) {
	t.Parallel()
	sent := []string{"HUP", "INT", "QUIT", "USR1", "USR2", "PIPE", "ALRM", "WINCH", "37"}
	t.Run("inith", func(t *testing.T) {
		t.Parallel()
		name := startContainer(t, newGate(t).args(nil, "--init", "--", "sh", "-c", reporting)...)
		waitLog(t, name, "tick 1.")
		var want []string
		for _, sig := range append(sent, "TERM") {
			mustDocker(t.Context(), t, "kill", "--signal="+sig, name)
			waitLog(t, name, "got "+sig+".")
			want = append(want, "got "+sig+".")
		}
		r := endOf(t, name)
		var got []string
		for line := range strings.Lines(r.stdout) {
			if strings.HasPrefix(line, "got ") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || r.code != 7 {
			t.Errorf("code %d, want 7; the child (-want +got):\n%s", r.code, diff)
		}
	})
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		name := startContainer(t, append(newGate(t).shell(nil, "sh"), "-c", `sh -c "$1"; exit $?`, "sh", reporting)...)
		waitLog(t, name, "tick 1.")
		for _, sig := range append(sent, "TERM") {
			mustDocker(t.Context(), t, "kill", "--signal="+sig, name)
		}
		waitTicks(t, name)
		if log := logOf(t.Context(), t, name).stdout; strings.Contains(log, "got") {
			t.Errorf("a shell forwards signals: this test shows nothing:\n%s", log)
		}
	})
}

// orphaning leaves ten children to PID 1, which end when there is a file
// /gate/go, and becomes something that does not care for them.
const orphaning = `for i in 0 1 2 3 4 5 6 7 8 9; do
		(sh -c 'while [ ! -e /gate/go ]; do sleep 0.05; done' &)
	done
	exec sleep 600`

func testReap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		init    string
		zombies int // that are there in the end
		others  int // children of PID 1 that are there in the end
	}{
		"inith":  {"--init", 0, 1}, // the command itself
		"execve": {"--timeout=1m", 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			name := startContainer(t, g.args(nil, c.init, "--", "sh", "-c", orphaning)...)
			children := func(zombies, others int) func(context.Context) error {
				return func(ctx context.Context) error {
					z, o, err := childrenOfPID1(ctx, t, name)
					if err != nil {
						return err
					}
					if z != zombies || o != others {
						return fmt.Errorf("PID 1 has %d zombies and %d other children, want %d and %d", z, o, zombies, others)
					}
					return nil
				}
			}
			poll(t, 5*time.Minute, children(0, c.others+10))
			if err := os.WriteFile(filepath.Join(g.dir, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			poll(t, 5*time.Minute, children(c.zombies, c.others))
		})
	}
}

// childrenOfPID1 counts them. A container whose start has only just returned may
// not take the command yet.
func childrenOfPID1(ctx context.Context, t *testing.T, name string) (zombies, others int, err error) {
	t.Helper()
	r := runDocker(ctx, t, nil, "exec", name, "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true")
	if r.code != 0 {
		return 0, 0, fmt.Errorf("docker exec: exit code %d: %s", r.code, r.stderr)
	}
	for line := range strings.Lines(r.stdout) {
		_, rest, _ := strings.Cut(line, ") ") // what follows the name: state and parent
		switch fields := strings.Fields(rest); {
		case len(fields) < 2 || fields[1] != "1":
		case fields[0] == "Z":
			zombies++
		default:
			others++
		}
	}
	return zombies, others, nil
}

// testSubreaper looks who gets an orphan where inith is not PID 1, as in a pod
// that shares its process namespace.
func testSubreaper(t *testing.T) {
	t.Parallel()
	const script = `(sleep 600 & echo $! >/tmp/orphan)
		while read -r key value; do [ "$key" != PPid: ] || echo "orphan of $value, command of $PPID"; done </proc/$(cat /tmp/orphan)/status
		kill -9 $(cat /tmp/orphan)`
	for init, want := range map[string]func(orphanOf, commandOf int) bool{
		"--init":       func(o, c int) bool { return o == c && o != 1 },
		"--timeout=1m": func(o, c int) bool { return o == 1 && c == 1 },
	} {
		t.Run(init, func(t *testing.T) {
			t.Parallel()
			r := runContainer(t, append(newGate(t).shell(nil, "sh"),
				"-c", `/inith wait unix:///gate/s "$1" -- sh -c "$2"; exit $?`, "sh", init, script)...)
			var orphanOf, commandOf int
			_, err := fmt.Sscanf(r.stdout, "orphan of %d, command of %d", &orphanOf, &commandOf)
			if err != nil || !want(orphanOf, commandOf) || r.code != 0 {
				t.Errorf("code %d: %q, %v\n%s", r.code, r.stdout, err, r.stderr)
			}
		})
	}
}

func testInitExitCode(t *testing.T) {
	t.Parallel()
	for script, code := range map[string]int{
		"exit 0": 0, "exit 1": 1, "exit 42": 42, "exit 255": 255,
		"kill -TERM $$": 143, "kill -KILL $$": 137, "kill -SEGV $$": 139, "kill -USR1 $$": 138,
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			r := runContainer(t, newGate(t).args(nil, "--init", "--", "sh", "-c", script)...)
			if r.code != code || r.stdout != "" {
				t.Errorf("code %d and stdout %q, want %d and nothing", r.code, r.stdout, code)
			}
		})
	}
}

// testTerminal types at the terminal of a container, as `docker run -it` does:
// Ctrl-C has to reach the command once, not once from the terminal and once more
// from inith, and the command has to be able to read.
func testTerminal(t *testing.T) {
	t.Parallel()
	const script = `trap 'echo got INT.' INT
		echo start.
		while :; do read -r line && echo "read $line." && [ "$line" = quit ] && exit 5; done`
	for name, wait := range map[string][]string{"execve": {"--"}, "init": {"--init", "--"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := newGate(t).args([]string{"--tty", "--interactive"}, append(wait, "sh", "-c", script)...)
			name := startContainer(t, args...)
			d, err := docker()
			if err != nil {
				t.Fatal(err)
			}
			terminal, err := d.ContainerAttach(t.Context(), name, client.ContainerAttachOptions{Stream: true, Stdin: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(terminal.Close)
			keys := func(typed, answer string) {
				t.Helper()
				if _, err := io.WriteString(terminal.Conn, typed); err != nil {
					t.Fatal(err)
				}
				waitLog(t, name, answer)
			}
			waitLog(t, name, "start.")
			keys("\x03", "got INT.")
			keys("hello\n", "read hello.")
			keys("quit\n", "read quit.")
			r := endOf(t, name)
			if n := strings.Count(r.stdout, "got INT."); n != 1 || r.code != 5 {
				t.Errorf("code %d, want 5; SIGINT came %d times, want once:\n%s", r.code, n, r.stdout)
			}
		})
	}
}
