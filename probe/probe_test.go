package probe_test

import (
	"context"
	"errors"
	"fmt"
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

// patience is the limit of what ends by itself, on a busy machine too.
const patience = 2 * time.Minute

// attempt makes one attempt against raw.
func attempt(t *testing.T, raw string) error {
	t.Helper()
	return attemptWithin(t, raw, patience)
}

func attemptWithin(t *testing.T, raw string, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return open(t, raw, probe.Options{}).Probe(ctx)
}

// check compares the outcome of an attempt, which may be that its time is over. An
// attempt whose limit ended it earlier than the test expects, because the machine is
// busy, is made again with a longer one.
func check(t *testing.T, raw string, want verdict, text string) {
	t.Helper()
	for limit := 500 * time.Millisecond; ; limit *= 4 {
		err := attemptWithin(t, raw, limit)
		over := err != nil && strings.HasSuffix(err.Error(), limit.String())
		expected := verdictOf(err) == want && strings.Contains(fmt.Sprint(err), text)
		if expected || !over || limit > patience/4 {
			checkVerdict(t, err, want, text)
			return
		}
	}
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
