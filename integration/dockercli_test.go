package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var lastName atomic.Uint32

// newName is for a container or an image of this run.
func newName() string { return fmt.Sprintf("inith-integration-%d-%d", os.Getpid(), lastName.Add(1)) }

// A result is what became of a container, or of a call of the docker command.
type result struct {
	code           int
	stdout, stderr string
}

// runDocker runs the docker command to its end.
func runDocker(ctx context.Context, t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("docker: %v", err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// mustDocker runs a docker command that has to succeed and returns its output.
func mustDocker(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	r := runDocker(ctx, t, nil, args...)
	if r.code != 0 {
		t.Fatalf("docker %s: exit code %d\n%s%s", args[0], r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// cleanup runs a docker command when the test, and with it t's context, is over.
func cleanup(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if r := runDocker(ctx, t, nil, args...); r.code != 0 && !strings.Contains(r.stderr, "No such") {
		t.Errorf("docker %s: %s", strings.Join(args, " "), r.stderr)
	}
}

// withInith returns the options, and those of docker run that bring inith into the
// image of a server, for an ordinary user. What follows are arguments of inith.
func withInith(server string, options ...string) []string {
	return append(slices.Clone(options), "--user=1234", "--volume="+binary+":/inith:ro", "--entrypoint=/inith", image(server))
}

// runContainer runs a container to its end; args are those of docker run.
func runContainer(t *testing.T, args ...string) result {
	t.Helper()
	return runWithInput(t, nil, args...)
}

// runWithInput is runContainer with something on stdin.
func runWithInput(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	name := newName()
	t.Cleanup(func() { cleanup(t, "rm", "--force", "--volumes", name) })
	r := runDocker(t.Context(), t, stdin, append([]string{"run", "--name=" + name}, args...)...)
	if r.code == 125 {
		t.Fatalf("docker run: %s", r.stderr)
	}
	return r
}

// startContainer starts a container in the background and returns its name.
func startContainer(t *testing.T, args ...string) string {
	t.Helper()
	name := newName()
	t.Cleanup(func() { cleanup(t, "rm", "--force", "--volumes", name) })
	mustDocker(t.Context(), t, append([]string{"run", "--detach", "--name=" + name}, args...)...)
	return name
}

// logOf is what the container has said until now.
func logOf(ctx context.Context, t *testing.T, name string) result {
	t.Helper()
	return runDocker(ctx, t, nil, "logs", name)
}

// waitLog waits until the container's log has all of these texts.
func waitLog(t *testing.T, name string, texts ...string) {
	t.Helper()
	poll(t, 2*time.Minute, func(ctx context.Context) error {
		r := logOf(ctx, t, name)
		for _, text := range texts {
			if !strings.Contains(r.stdout+r.stderr, text) {
				return fmt.Errorf("no %q in the log:\n%s%s", text, r.stdout, r.stderr)
			}
		}
		return nil
	})
}

// endOf waits for the end of a container.
func endOf(t *testing.T, name string) result {
	t.Helper()
	var code int
	if _, err := fmt.Sscan(mustDocker(t.Context(), t, "wait", name), &code); err != nil {
		t.Fatal(err)
	}
	r := logOf(t.Context(), t, name)
	r.code = code
	return r
}

// finished is when a container ended.
func finished(t *testing.T, name string) time.Time {
	t.Helper()
	text := strings.TrimSpace(mustDocker(t.Context(), t, "inspect", "--format={{.State.FinishedAt}}", name))
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// mountFile is the argument of docker run for a file that anybody can read.
func mountFile(t *testing.T, path, content string) string {
	t.Helper()
	return "--volume=" + writeFile(t, filepath.Base(path), content, 0o644) + ":" + path + ":ro"
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	writeMode(t, name, content, mode)
	return name
}

func writeMode(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	err := os.WriteFile(name, []byte(content), mode)
	if err == nil {
		err = os.Chmod(name, mode) // whatever the umask is
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
