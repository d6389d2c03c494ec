// Package integration_test holds inith against real servers in containers: the
// conformance suite of the kinds of target, and the places where a simpler tool
// says ready too early. README.md tells how to run it.
package integration_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/release"
)

// The passwords have characters that a URL must escape: they may be seen
// neither as they are nor as a URL has them.
const (
	password      = "r1ght/s3cret%40"
	wrongPassword = "wr0ng/s3cret%40"
)

// binary is the real inith.
var binary string

func TestMain(m *testing.M) {
	if os.Getenv(leakReady) != "" {
		if err := countLeaks(); err != nil {
			panic(err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "inith-integration-")
	if err == nil {
		binary = filepath.Join(dir, "inith")
		err = release.Build(context.Background(), binary)
	}
	if err != nil {
		panic(err)
	}
	m.Run() // its code is the exit code
	if err := errors.Join(large.remove(), os.RemoveAll(dir)); err != nil {
		panic(err)
	}
}

// A run is what became of one call of inith.
type run struct {
	code   int
	stderr string
	took   time.Duration
}

// inith runs the binary until it ends, or with SIGTERM when ctx does, with nothing
// in its environment. Any goroutine may call it: what goes wrong is marked with
// t.Error.
func inith(ctx context.Context, t *testing.T, args ...string) run {
	t.Helper()
	return runCommand(ctx, t, binary, args...)
}

func runCommand(ctx context.Context, t *testing.T, name string, args ...string) run {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{}, &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	start := time.Now()
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Errorf("start %s: %v", name, err)
		return run{code: -1}
	}
	r := run{code: cmd.ProcessState.ExitCode(), stderr: stderr.String(), took: time.Since(start)}
	if stdout.Len() > 0 {
		t.Errorf("wait wrote to stdout: %q", stdout.String())
	}
	hasNoSecret(t, r.stderr)
	return r
}

// wantExit runs inith and checks how it ends.
func wantExit(t *testing.T, code int, args ...string) run {
	t.Helper()
	r := inith(t.Context(), t, args...)
	if r.code != code {
		t.Errorf("exit code %d, want %d; stderr:\n%s", r.code, code, r.stderr)
	}
	return r
}

// hasNoSecret checks that a text for people holds no password.
func hasNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{password, wrongPassword} {
		for _, form := range []string{secret, escape(secret), strings.ReplaceAll(secret, "/", `\/`)} {
			if strings.Contains(text, form) {
				t.Errorf("a password is shown: %q", text)
			}
		}
	}
}

func hasAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

// poll calls done until it returns nil, and fails the test if it does not.
func poll(t *testing.T, within time.Duration, done func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		err := done(ctx)
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %v", within, err)
		}
	}
}
