package integration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/inith/inith/probe"
)

// Variables of the process that counts: what it probes, each by its name in the errors.
const (
	leakReady   = "INITH_TEST_LEAK_READY"
	leakRefused = "INITH_TEST_LEAK_REFUSED"
)

// testNoLeak probes a ready server, and one that was never there, many times. That is done in a process of its own,
// in which no other test opens a descriptor.
func (r running) testNoLeak(t *testing.T) {
	settle := ""
	if r.portOnly {
		settle = "#settle=1ms" // 200 times the default would be 20 s of waiting
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(cmd.Environ(),
		leakReady+"="+r.target(t, r.addr, password)+settle,
		leakRefused+"="+r.target(t, r.newAddr(t), password)+settle)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if err := r.use(t.Context(), r.addr); err != nil {
		t.Errorf("the server was harmed by the probes: %v", err)
	}
}

// countLeaks is the process that counts.
func countLeaks() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	debug.SetGCPercent(-1) // the garbage collector would close what was forgotten
	return errors.Join(
		leaks(ctx, os.Getenv(leakReady), func(err error) bool { return err == nil }),
		leaks(ctx, os.Getenv(leakRefused), func(err error) bool { return err != nil }))
}

// leaks probes a target many times and returns an error unless each attempt ends as it should and all is closed soon after.
func leaks(ctx context.Context, raw string, ends func(error) bool) error {
	target, err := probe.Open(raw, probe.Options{})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	_ = target.Probe(ctx) // what is made once is made now
	before, err := resources()
	if err != nil {
		return err
	}
	const attempts = 200
	for i := range attempts {
		if err := target.Probe(ctx); !ends(err) {
			return fmt.Errorf("%s: attempt %d: got %v", target.Name, i, err) //nolint:errorlint // it may be nil
		}
	}
	for {
		now, err := resources()
		if err != nil || now.descriptors <= before.descriptors && now.goroutines <= before.goroutines {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: %+v after %d attempts, %+v before", target.Name, now, attempts, before)
		}
	}
}

// counts are what a process has open.
type counts struct{ descriptors, goroutines int }

func resources() (counts, error) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return counts{}, fmt.Errorf("count descriptors: %w", err)
	}
	return counts{len(open), runtime.NumGoroutine()}, nil
}
