package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

// ticking says that it is alive, until something ends it.
const ticking = `i=0; while :; do i=$((i+1)); echo "tick $i."; sleep 0.1; done`

// waitTicks waits until a container that runs ticking has gone on for a while.
func waitTicks(t *testing.T, name string) {
	t.Helper()
	n := strings.Count(logOf(t.Context(), t, name).stdout, "tick")
	waitLog(t, name, fmt.Sprintf("tick %d.", n+20))
}

// TestSignalWhileWaiting ends inith as PID 1 of its image. The kernel drops a
// signal for PID 1 that has no handler, which is why a shell loop goes on.
func TestSignalWhileWaiting(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	for sig, code := range map[string]int{"TERM": 143, "HUP": 129, "INT": 130, "QUIT": 131} {
		t.Run(sig, func(t *testing.T) {
			t.Parallel()
			name := startContainer(t, append(strict(), "--network=none", tag, "wait", "tcp://127.0.0.1:1")...)
			waitLog(t, name, "connection refused")
			sent := time.Now()
			mustDocker(t.Context(), t, "kill", "--signal="+sig, name)
			r := endOf(t, name)
			if r.code != code {
				t.Errorf("code %d, want %d", r.code, code)
			}
			if took := finished(t, name).Sub(sent); took > 2*time.Second {
				t.Errorf("it ended %v after the signal, want 2s at most", took)
			}
			hasAll(t, r.stderr, "inith: error: tcp://127.0.0.1:1", "received SIG"+sig, "connection refused")
		})
	}
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		name := startContainer(t, "--network=none", "--entrypoint=sh", shellImage(), "-c", ticking)
		waitLog(t, name, "tick 1.")
		mustDocker(t.Context(), t, "kill", "--signal=TERM", name)
		waitTicks(t, name) // still there: the fault that inith does not have
	})
}

// finished is when a container ended.
func finished(t *testing.T, name string) time.Time {
	t.Helper()
	text := strings.TrimSpace(mustDocker(t.Context(), t, "inspect", "--format={{.State.FinishedAt}}", name))
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A gate is a Unix socket for inith to wait for, in containers without a
// network. It counts who comes.
type gate struct {
	dir    string
	visits atomic.Int32
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{dir: sharedDir(t)}
	path := filepath.Join(g.dir, "s")
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.visits.Add(1)
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, c) // until inith closes it
				_ = c.Close()
			})
		}
	})
	return g
}

// args are those of docker run for a container with a shell in which inith
// waits for the gate.
func (g *gate) args(options []string, wait ...string) []string {
	return append(g.shell(options, "/inith"), append([]string{"wait", "unix:///gate/s"}, wait...)...)
}

// shell are the arguments of docker run for the same container with another
// entry point.
func (g *gate) shell(options []string, entrypoint string) []string {
	args := append([]string{"--network=none", "--hostname=app"}, options...)
	return append(args, "--volume="+binary+":/inith:ro", "--volume="+g.dir+":/gate", "--entrypoint="+entrypoint, shellImage())
}

// TestCommand has inith become a command: nobody can tell that it was there.
func TestCommand(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	t.Run("process", func(t *testing.T) {
		t.Parallel()
		// All that a process inherits, beside what has a test of its own.
		const script = `echo $$; cat /proc/$$/cmdline; grep -E '^(Sig[BI]|Cap|NoNew|Uid|Gid|Groups)' /proc/self/status
			ls /proc/self/fd; umask; pwd; ulimit -a; ulimit -H -a; cat /proc/$$/oom_score_adj; nice`
		command := []string{"-c", script, "a b", "", "$HOME", "*", "--", "--timeout", "x\ny", `"'\`, "ü"}
		options := []string{"--ulimit=nofile=1024:4096", "--workdir=/var", "--user=1234:99"}
		want := runContainer(t, append(g.shell(options, "sh"), command...)...)
		got := runContainer(t, append(g.args(options, "--", "sh"), command...)...)
		if want.code != 0 || !strings.HasPrefix(want.stdout, "1\n") {
			t.Fatalf("without inith: %+v", want)
		}
		if diff := cmp.Diff(want.stdout, got.stdout); diff != "" {
			t.Errorf("stdout (-without inith +with it):\n%s\n%s", diff, got.stderr)
		}
	})
	t.Run("environment", func(t *testing.T) {
		t.Parallel()
		options := []string{"--env=PGPASSWORD=" + password, "--env=EMPTY=", "--env=INITH_WAIT_TIMEOUT=1m", "--env=LINES2=a\nb=c"}
		want := runContainer(t, append(g.shell(options, "cat"), "/proc/self/environ")...)
		got := runContainer(t, g.args(options, "--", "cat", "/proc/self/environ")...)
		hasAll(t, "\x00"+want.stdout, "\x00PGPASSWORD="+password+"\x00", "\x00EMPTY=\x00")
		sorted := func(environ string) []string { // docker's order is another each time
			return slices.Sorted(strings.SplitSeq(environ, "\x00"))
		}
		if diff := cmp.Diff(sorted(want.stdout), sorted(got.stdout)); diff != "" {
			t.Errorf("environment (-without inith +with it):\n%s", diff)
		}
		hasNoSecret(t, got.stderr)
	})
	t.Run("stdin", func(t *testing.T) {
		t.Parallel()
		want := strings.Repeat("0123456789abcdef", 1<<16) // more than any buffer between
		got := runWithInput(t, strings.NewReader(want), g.args([]string{"--interactive"}, "--", "cat")...)
		if got.stdout != want {
			t.Errorf("%d bytes came through, want %d", len(got.stdout), len(want))
		}
	})
	t.Run("exit code", func(t *testing.T) {
		t.Parallel()
		if r := runContainer(t, g.args(nil, "--", "sh", "-c", "exit 42")...); r.code != 42 || r.stdout != "" {
			t.Errorf("got %+v, want code 42 and nothing on stdout", r)
		}
	})
}

// TestDescriptorLimit: the Go runtime raises the soft limit of open files for
// itself. A command that got it would, with select(2), write past its sets.
func TestDescriptorLimit(t *testing.T) {
	t.Parallel()
	options := []string{"--ulimit=nofile=1024:4096"}
	t.Run("inith", func(t *testing.T) {
		t.Parallel()
		name := startContainer(t, newGate(t).args(options, "tcp://127.0.0.1:1")...)
		waitLog(t, name, "connection refused")
		var soft, hard int
		limits := mustDocker(t.Context(), t, "exec", name, "grep", "Max open files", "/proc/1/limits")
		if _, err := fmt.Sscanf(limits, "Max open files %d %d", &soft, &hard); err != nil || soft <= 1024 || hard != 4096 {
			t.Errorf("inith's own limit is not raised, so that this test shows nothing: %q, %v", limits, err)
		}
	})
	for name, wait := range map[string][]string{"execve": {"--"}, "init": {"--init", "--"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runContainer(t, newGate(t).args(options, append(wait, "sh", "-c", "ulimit -Sn; ulimit -Hn")...)...)
			if r.stdout != "1024\n4096\n" {
				t.Errorf("soft and hard limit are %q, want 1024 and 4096", r.stdout)
			}
		})
	}
}

// TestCommandIsLookedUpFirst: a typing error must not cost minutes of waiting.
func TestCommandIsLookedUpFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command string
		code    int
		visits  bool
	}{
		{"true", 0, true},
		{"no-such-command", 127, false},
		{"/no/such/command", 127, false},
		{"/etc/passwd", 126, false},
		{"/etc", 126, false},
	} {
		for _, how := range []string{"--timeout=1m", "--init"} {
			t.Run(how+" "+c.command, func(t *testing.T) {
				t.Parallel()
				g := newGate(t)
				r := runContainer(t, g.args(nil, how, "--", c.command)...)
				if r.code != c.code || r.stdout != "" {
					t.Errorf("got %+v, want code %d and nothing on stdout", r, c.code)
				}
				if visits := g.visits.Load(); (visits > 0) != c.visits {
					t.Errorf("inith came %d times to its target before it ended", visits)
				}
				if !c.visits {
					hasAll(t, r.stderr, "inith: error: command", c.command)
				}
			})
		}
	}
}

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
					z, o := childrenOfPID1(ctx, t, name)
					if z != zombies || o != others {
						return fmt.Errorf("PID 1 has %d zombies and %d other children, want %d and %d", z, o, zombies, others)
					}
					return nil
				}
			}
			poll(t, time.Minute, children(0, c.others+10))
			if err := os.WriteFile(filepath.Join(g.dir, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			poll(t, time.Minute, children(c.zombies, c.others))
		})
	}
}

func childrenOfPID1(ctx context.Context, t *testing.T, name string) (zombies, others int) {
	t.Helper()
	for line := range strings.Lines(mustDocker(ctx, t, "exec", name, "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true")) {
		_, rest, _ := strings.Cut(line, ") ") // what follows the name: state and parent
		switch fields := strings.Fields(rest); {
		case len(fields) < 2 || fields[1] != "1":
		case fields[0] == "Z":
			zombies++
		default:
			others++
		}
	}
	return zombies, others
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

// TestTerminationLog looks at the file that the kubelet reads.
func TestTerminationLog(t *testing.T) {
	t.Parallel()
	const before = "the application's own\n"
	refused := []string{"--timeout=300ms", "tcp://127.0.0.1:1"}
	var many []string // targets whose names do not fit
	for i := range 40 {
		many = append(many, fmt.Sprintf("unix:///%s-ü%d", strings.Repeat("x", 150), i))
	}
	for _, c := range []struct {
		name string
		wait []string
		code int
		want []string // nil: as it was
	}{
		{"failure", refused, 124, []string{"error: tcp://127.0.0.1:1", "connection refused", "--timeout of 300ms", " attempts, ", "hint: "}},
		{"failure before a command", append(refused, "--", "true"), 124, []string{"connection refused"}},
		{"too long", append([]string{"--timeout=300ms"}, many...), 124, []string{"error: unix:///xxx"}},
		{"usage", []string{"--timeout=300"}, 2, []string{"error: ", "300s"}},
		{"command not found", []string{"--", "no-such-command"}, 127, []string{"no-such-command"}},
		{"success", nil, 0, []string{"ready: 1 of 1 targets"}},
		{"success before a command", []string{"--", "true"}, 0, nil},
		{"command fails", []string{"--", "false"}, 1, nil},
		{"command of init fails", []string{"--init", "--", "false"}, 1, nil},
		{"command of init is killed", []string{"--init", "--", "sh", "-c", "kill -KILL $$"}, 137, nil},
		{"command of init writes it", []string{"--init", "--", "sh", "-c", "printf mine >/dev/termination-log; exit 3"}, 3, []string{"mine"}},
		{"once, ready", []string{"--once"}, 0, nil},
		{"once, not ready", []string{"--once", "tcp://127.0.0.1:1"}, 1, nil},
		{"once, bad target", []string{"--once", "nonsense"}, 2, nil},
		{"once, bad flag", []string{"--once", "--no-such-flag"}, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, "termination-log", before, 0o666)
			options := append(strict(), "--volume="+path+":/dev/termination-log")
			r := runContainer(t, newGate(t).args(options, c.wait...)...)
			if r.code != c.code {
				t.Errorf("code %d, want %d; stderr:\n%s", r.code, c.code, r.stderr)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				if string(b) != before {
					t.Errorf("it was overwritten with %q", b)
				}
				return
			}
			hasAll(t, string(b), c.want...)
			if len(b) > 4096 || bytes.HasSuffix(b, []byte("\n")) || !utf8.Valid(b) || bytes.Contains(b, []byte(before)) {
				t.Errorf("%d bytes: %q", len(b), b)
			}
			if c.name == "too long" && len(b) < 4000 {
				t.Errorf("%d bytes: there is room for more", len(b))
			}
		})
	}
	t.Run("another file", func(t *testing.T) {
		t.Parallel()
		path := writeFile(t, "log", before, 0o666)
		args := newGate(t).args(append(strict(), "--volume="+path+":/log"), "--termination-log=/log")
		if r := runContainer(t, args...); r.code != 0 {
			t.Errorf("got %+v, want code 0", r)
		}
		if b, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(b), "ready: ") {
			t.Errorf("got %q, %v", b, err)
		}
	})
	t.Run("never created", func(t *testing.T) {
		t.Parallel()
		// Root, and a root file system that can be written to: nothing else keeps inith from it.
		args := newGate(t).args([]string{"--user=0"}, append(refused, "--termination-log=/log")...)
		name := startContainer(t, args...)
		if r := endOf(t, name); r.code != 124 || strings.Contains(r.stderr, "termination") {
			t.Errorf("got %+v, want code 124 and no complaint", r)
		}
		if diff := mustDocker(t.Context(), t, "diff", name); strings.Contains(diff, "/log") {
			t.Errorf("changed:\n%s", diff)
		}
	})
}
