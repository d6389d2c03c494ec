package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
