package integration_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// leakProbes are enough to tell a leak from the noise of the test's own
// connections to Docker.
const leakProbes = 200

// testNoLeak probes a ready server, and one that was never there, many times.
func (r running) testNoLeak(t *testing.T) {
	// The garbage collector would close what was forgotten.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for what, at := range map[string]string{"ready": r.addr, "refused": r.newAddr(t)} {
		raw := r.target(t, at, password)
		if r.portOnly {
			raw += "#settle=1ms" // 200 times the default would be 20 s of waiting
		}
		target := open(t, raw)
		_ = attempt(t, target, time.Minute) // what is made once is made now
		descriptors, goroutines := resources(t)
		for range leakProbes {
			if err := attempt(t, target, time.Minute); (err == nil) != (at == r.addr) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		poll(t, 5*time.Minute, func(context.Context) error {
			d, g := resources(t)
			if d > descriptors || g > goroutines {
				return fmt.Errorf("%s: %d descriptors and %d goroutines after %d probes, %d and %d before",
					what, d, g, leakProbes, descriptors, goroutines)
			}
			return nil
		})
	}
	if err := r.use(t.Context(), r.addr); err != nil {
		t.Errorf("the server was harmed by the probes: %v", err)
	}
}

// resources counts what this process has open.
func resources(t *testing.T) (descriptors, goroutines int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open), runtime.NumGoroutine()
}
