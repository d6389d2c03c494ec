package integration_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

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
