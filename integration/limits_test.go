package integration_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestTerminated ends a wait for a silent server as Kubernetes does.
func TestTerminated(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // never calls Accept: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for _, scheme := range []string{"http", "https", "postgres", "redis", "rediss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r := inith(ctx, t, "wait", "--attempt-timeout=1m", scheme+"://"+l.Addr().String())
			if r.code != 143 || r.took > 30*time.Second {
				t.Errorf("code %d %v after the start, want 143 within 2s of the signal, which came after 1s; stderr:\n%s",
					r.code, r.took, r.stderr)
			}
		})
	}
}

// blackHole runs its arguments in a network namespace of their own, whose loopback
// drops what is sent to port 9. An address where nobody is would not do: some
// networks answer for it.
const blackHole = `ip link set lo up && iptables -A INPUT -p tcp --dport 9 -j DROP && exec "$@"`

// TestBlackHole waits for a server that a NetworkPolicy hides.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	unshare := []string{"--net", "sh", "-c", blackHole, "sh"}
	if os.Geteuid() != 0 {
		unshare = append([]string{"--map-root-user"}, unshare...)
	}
	if out, err := exec.Command("unshare", append(unshare, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no network namespace with iptables: %v: %s", err, out)
	}
	inside := func(args ...string) run {
		return runCommand(t.Context(), t, "/usr/bin/unshare", append(unshare, args...)...)
	}
	for _, scheme := range []string{"tcp", "http", "https", "postgres", "redis", "rediss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			r := inside(binary, "wait", "--timeout=3s", "--attempt-timeout=300ms", scheme+"://127.0.0.1:9")
			if r.code != 124 || r.took > 50*time.Second {
				t.Errorf("code %d after %v, want 124 after 3s", r.code, r.took)
			}
			// Each attempt ends in the same way, whichever of its timers is first.
			if n := strings.Count(r.stderr, "not ready\""); n != 1 || !strings.Contains(r.stderr, "no answer to the connection") {
				t.Errorf("stderr does not say once that nobody answers:\n%s", r.stderr)
			}
		})
	}
}

// TestTooLittleMemory gives inith less memory than it needs, and looks for the warning before the kernel kills it.
func TestTooLittleMemory(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"wait --timeout=2s tcp://127.0.0.1:1", "fetch --timeout=2s http://127.0.0.1:1/x /tmp/x"} {
		for memory, want := range map[string]bool{"20m": true, "256m": false} {
			args := append(withInith("busybox", "--network=none", "--memory="+memory), strings.Fields(command)...)
			r := runContainer(t, args...)
			if got := strings.Contains(r.stderr, "the memory limit is less than inith needs"); got != want {
				t.Errorf("%s in %s: warned %t, want %t:\n%s", command, memory, got, want, r.stderr)
			}
		}
	}
}

// TestManyTargets waits for 500 servers that hang, in the memory that docs/wait.md says is enough.
func TestManyTargets(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // never calls Accept: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for _, scheme := range []string{"http", "https"} {
		args := append(withInith("busybox", "--network=host", "--memory=32m", "--memory-swap=32m"), "wait", "-q", "--timeout=10s")
		for i := range 500 {
			args = append(args, fmt.Sprintf("%s://%s/%d", scheme, l.Addr(), i))
		}
		if r := runContainer(t, args...); r.code != 124 {
			t.Errorf("%s: code %d, want 124", scheme, r.code)
		}
	}
}
