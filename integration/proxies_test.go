package integration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A proxy accepts for a server that is not there. Each test first shows that a
// client that only connects takes that for ready.

// wantFooled waits until a client that only connects says ready.
func wantFooled(t *testing.T, addr string) {
	t.Helper()
	poll(t, 30*time.Second, func(ctx context.Context) error { return naive(ctx, "tcp", addr) })
}

// wantNeverReady checks that inith waits in vain.
func wantNeverReady(t *testing.T, args ...string) {
	t.Helper()
	r := wantExit(t, 124, append([]string{"wait", "--timeout=5s"}, args...)...)
	t.Log(lastLine(r.stderr))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestHAProxyWithoutBackend(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startHAProxy(t, addr, "")
	wantFooled(t, addr)
	wantExit(t, 0, "wait", "--once", "tcp://"+addr+"#settle=0s") // what settle is for
	wantNeverReady(t, "tcp://"+addr+"#settle=2s")                // the default suffices unless the machine is busy
}

// TestHAProxyWithRefusingBackend: HAProxy tries its server for some seconds
// before it closes the client's connection, so that only a kind that is answered
// can tell. (A tcp target cannot, as docs say.)
func TestHAProxyWithRefusingBackend(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startHAProxy(t, addr, "server app "+freeAddr(t))
	wantFooled(t, addr)
	var targets []string
	for _, k := range kinds() {
		if !k.portOnly {
			targets = append(targets, k.target(t, addr, password))
		}
	}
	for name, level := range map[string][]string{"with credentials": nil, "without": {"--level=proto"}} {
		r := wantExit(t, 124, slices.Concat([]string{"wait", "--timeout=5s"}, level, targets)...)
		if unready := strings.Count(r.stderr, " is not ready: "); unready != len(targets) {
			t.Errorf("%s: %d of %d targets are not ready:\n%s", name, unready, len(targets), r.stderr)
		}
	}
}

// TestPgBouncerCold asks a pooler that has never seen its database. It asks
// clients for their password all the same.
func TestPgBouncerCold(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startPgBouncer(t, addr, freeAddr(t))
	wantFooled(t, addr)
	target := poolTarget(t, addr)
	wantExit(t, 0, "wait", "--timeout=5s", "--level=proto", target) // what that level does not prove
	wantNeverReady(t, target)
}

// TestPgBouncerWarm asks a pooler whose database was there and is gone. It even
// completes logins.
func TestPgBouncerWarm(t *testing.T) {
	t.Parallel()
	addr, backend := freeAddr(t), freeAddr(t)
	database := startPostgres(t, backend)
	startPgBouncer(t, addr, backend)
	target := poolTarget(t, addr)
	if err := <-waitThenUse(t, target, addr, usePostgres); err != nil {
		t.Fatalf("with its database: %v", err)
	}
	database.kill(t)

	c, err := loginPostgres(t.Context(), addr)
	if err != nil {
		t.Fatalf("the pooler is not warm: a login without the database gave %v", err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNeverReady(t, target)

	database.restart(t)
	if err := <-waitThenUse(t, target, addr, usePostgres); err != nil {
		t.Errorf("when the database is back: %v", err)
	}
}

func poolTarget(t *testing.T, addr string) string {
	t.Helper()
	return fmt.Sprintf("postgres://postgres@%s/app?sslmode=disable#password-file=%s", addr, secretFile(t, password))
}
