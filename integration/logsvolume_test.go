package integration_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestLogsReadOnlyVolume follows files on a volume that is mounted read-only: the state is elsewhere, or inith says so.
func TestLogsReadOnlyVolume(t *testing.T) {
	t.Parallel()
	tag, logs, state := buildInith(t), sharedDir(t), sharedDir(t)
	writeMode(t, filepath.Join(logs, "app.log"), "one\n", 0o644)
	args := append(strict(), "--network=none", "--volume="+logs+":/logs:ro", "--volume="+state+":/state", tag,
		"sidecar", "logs", "--path", "/logs/*.log", "--stdout")
	r := runContainer(t, args...)
	if r.code != 1 {
		t.Errorf("code %d, want 1", r.code)
	}
	hasAll(t, r.stderr, "the file system is read-only", "hint: name a directory on a writable volume with --state")

	args = append(args, "--state", "/state/logs")
	for _, want := range []string{"one", "two"} { // the second start sends what is new
		sidecar := startContainer(t, args...)
		waitLog(t, sidecar, "msg=following")
		mustDocker(t.Context(), t, "stop", "--time=60", sidecar)
		r := endOf(t, sidecar)
		if r.code != 0 || strings.Count(r.stdout, "\n") != 1 || !strings.Contains(r.stdout, `"record":{"log":"`+want+`"}`) {
			t.Errorf("got %+v, want code 0 and the line %q alone", r, want)
		}
		writeMode(t, filepath.Join(logs, "app.log"), "one\ntwo\n", 0o644)
	}
}
