package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSignalWhileWaiting ends inith as PID 1 of its image. The kernel drops a
// signal for PID 1 that has no handler, which is why a shell loop goes on.
func TestSignalWhileWaiting(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	for sig, code := range map[string]int{"TERM": 143, "HUP": 129, "INT": 130, "QUIT": 131} {
		t.Run(sig, func(t *testing.T) {
			t.Parallel()
			name := startContainer(t, append(strict(), "--network=none", tag, "wait", "tcp://127.0.0.1:1")...)
			waitLog(t, name, "connection refused")
			sent := time.Now()
			mustDocker(t.Context(), t, "kill", "--signal="+sig, name)
			r := endOf(t, name)
			if r.code != code {
				t.Errorf("code %d, want %d", r.code, code)
			}
			if took := finished(t, name).Sub(sent); took > 20*time.Second {
				t.Errorf("it ended %v after the signal, want 2s at most", took)
			}
			hasAll(t, r.stderr, "inith: error: tcp://127.0.0.1:1", "received SIG"+sig, "connection refused")
		})
	}
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		name := startContainer(t, "--network=none", "--entrypoint=sh", image("busybox"), "-c", ticking)
		waitLog(t, name, "tick 1.")
		mustDocker(t.Context(), t, "kill", "--signal=TERM", name)
		waitTicks(t, name) // still there: the fault that inith does not have
	})
}

// ticking says that it is alive, until something ends it.
const ticking = `i=0; while :; do i=$((i+1)); echo "tick $i."; sleep 0.1; done`

// waitTicks waits until a container that runs ticking has gone on for a while.
func waitTicks(t *testing.T, name string) {
	t.Helper()
	n := strings.Count(logOf(t.Context(), t, name).stdout, "tick")
	waitLog(t, name, fmt.Sprintf("tick %d.", n+20))
}
