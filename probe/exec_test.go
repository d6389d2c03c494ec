package probe_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/probe"
)

func command(t *testing.T, argv ...string) *probe.Target {
	t.Helper()
	target, err := probe.OpenCommand(argv, os.Environ(), false)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for want, argv := range map[string][]string{
		"<nil>":         {"true"},
		"exit code 1":   {"false"},
		"exit code 7":   {"sh", "-c", "exit 7 # " + secret},
		"exit code 137": {"sh", "-c", "kill -9 $$"},
	} {
		target := command(t, argv...)
		if err := target.Probe(t.Context()); fmt.Sprint(err) != want {
			t.Errorf("%q: %v, want %s", argv, err, want)
		}
		if target.Name != "command "+argv[0] {
			t.Errorf("name %q", target.Name)
		}
	}
	for _, argv := range [][]string{nil, {""}, {"/no/such/" + secret}, {"/etc/passwd"}} {
		if _, err := probe.OpenCommand(argv, nil, false); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", argv, err)
		}
	}
}

// TestCommandIsTerminated has a command start another that outlives it: both end with the attempt.
func TestCommandIsTerminated(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	target := command(t, "sh", "-c", `sleep 1000 & echo $! > "$0.new"; mv "$0.new" "$0"; wait`, pids)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for _, err := os.Stat(pids); err != nil && ctx.Err() == nil; _, err = os.Stat(pids) {
			<-time.After(10 * time.Millisecond)
		}
	}()
	if err := target.Probe(ctx); err == nil || !strings.Contains(err.Error(), "did not exit") {
		t.Errorf("got %v", err)
	}
	b, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d still runs: %v", pid, err)
	}
}
