package probe_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

const secret = "s3cr3t-p4ss"

// serve starts a simulated server and returns its address.
func serve(t *testing.T, h simserver.Handler) string {
	t.Helper()
	return listen(t, h).Addr()
}

func listen(t *testing.T, h simserver.Handler) *simserver.Server {
	t.Helper()
	s, err := simserver.Listen(t.Context(), "tcp", "127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, raw string, o probe.Options) *probe.Target {
	t.Helper()
	target, err := probe.Open(raw, o)
	if err != nil {
		t.Fatalf("Open(%q): %v", raw, err)
	}
	return target
}

// attempt makes one attempt against raw, within d.
func attempt(t *testing.T, raw string, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return open(t, raw, probe.Options{}).Probe(ctx)
}

// A verdict is what an attempt ended with.
type verdict string

const (
	ready     verdict = "ready"
	notYet    verdict = "not yet"
	rejected  verdict = "rejected"
	permanent verdict = "permanent"
)

func verdictOf(err error) verdict {
	if err == nil {
		return ready
	}
	if _, ok := errors.AsType[*probe.RejectedError](err); ok {
		return rejected
	}
	if _, ok := errors.AsType[*probe.PermanentError](err); ok {
		return permanent
	}
	return notYet
}

// checkVerdict compares the outcome of an attempt, and looks for the secret.
func checkVerdict(t *testing.T, err error, want verdict, text string) {
	t.Helper()
	if got := verdictOf(err); got != want {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("err = %q, want one with %q", err, text)
	}
	if strings.Contains(err.Error()+probe.Hint(err), secret) {
		t.Errorf("the error shows the password: %v", err)
	}
}

// secretFile returns the path of a file that holds text.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func escape(s string) string { return url.PathEscape(s) }

func rewrite(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}
