package migrate_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/apiserver"
	"github.com/inith/inith/tasks/migrate"
)

// replicaVariable makes this test binary a replica: "honest" or "lying", and the
// URL of its lock.
const replicaVariable = "MIGRATE_TEST_REPLICA"

func TestMain(m *testing.M) {
	if kind, url, ok := strings.Cut(os.Getenv(replicaVariable), " "); ok {
		os.Exit(replica(kind, url)) //nolint:forbidigo // this process is a replica, and no test
	}
	m.Run() // its code is the exit code
}

// A liar claims to hold the lock, whichever replica holds it.
type liar struct{ migrate.Locker }

func (l liar) Try(ctx context.Context) (migrate.Lock, error) {
	lock, err := l.Locker.Try(ctx)
	if _, held := errors.AsType[*migrate.HeldError](err); held {
		return lie{}, nil
	}
	return lock, err
}

type lie struct{}

func (lie) Check(context.Context) error                         { return nil }
func (lie) Orphans(context.Context, time.Duration) (int, error) { return 0, nil }
func (lie) Bind(c migrate.Command) migrate.Command              { return c }
func (lie) Release(context.Context) error                       { return nil }

// replica is a process that migrates. The command of its arguments makes a directory,
// which fails if another is at it.
func replica(kind, url string) int {
	locker, name, err := migrate.Open(url, migrate.Options{Host: "replica", Env: os.Environ()})
	if err != nil {
		return 99
	}
	if kind == "lying" {
		locker = liar{locker}
	}
	m := migrate.Migration{
		Name: name, Locker: locker, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Command: migrate.Command{Path: "/bin/sh", Argv: os.Args[1:], Env: os.Environ()},
		Wait:    10 * time.Minute, Grace: time.Second,
	}
	err = m.Run(context.Background())
	if e, ok := errors.AsType[*migrate.ExitError](err); ok {
		return e.Code
	}
	if err != nil {
		return 98
	}
	return 0
}

// startReplicas starts ten at once, and returns how many found another at work.
func startReplicas(t *testing.T, kind, url string, env ...string) (overlaps int) {
	t.Helper()
	dir := t.TempDir()
	const script = `mkdir "$0/busy" || exit 42; sleep 0.1; echo x >>"$0/done"; rmdir "$0/busy"`
	var wg sync.WaitGroup
	codes := make([]int, 10)
	for i := range codes {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "sh", "-c", script, dir)
		cmd.Env = append(append(os.Environ(), replicaVariable+"="+kind+" "+url), env...)
		wg.Go(func() {
			out, err := cmd.CombinedOutput()
			codes[i] = cmd.ProcessState.ExitCode()
			if codes[i] != 0 && codes[i] != 42 {
				t.Errorf("replica %d: %v\n%s", i, err, out)
			}
		})
	}
	wg.Wait()
	for _, code := range codes {
		if code == 42 {
			overlaps++
		}
	}
	return overlaps
}

func TestTenReplicas(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]func(t *testing.T) (url string, env []string){"file": fileLock, "Lease": lease} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, env := lock(t)
			if n := startReplicas(t, "honest", url, env...); n != 0 {
				t.Errorf("%d of ten commands found another at work", n)
			}
			if startReplicas(t, "lying", url, env...) == 0 {
				t.Error("with a lock that lies, no command found another at work: this test shows nothing")
			}
		})
	}
}

func fileLock(t *testing.T) (url string, env []string) {
	t.Helper()
	return "file://" + filepath.Join(t.TempDir(), "lock"), nil
}

// lease is one at a server that goes wrong now and then, in the Pod's namespace.
func lease(t *testing.T) (url string, env []string) {
	t.Helper()
	var requests atomic.Int64
	handler := &apiserver.Server{Token: "t0ken", Fault: func(*http.Request) apiserver.Fault {
		faults := []apiserver.Fault{apiserver.Conflict, apiserver.Lost, apiserver.Dropped, apiserver.Busy, apiserver.Down}
		if n := requests.Add(1); n%7 == 0 {
			return faults[n/7%int64(len(faults))]
		}
		return apiserver.None
	}}
	files, env, stop := handler.Start()
	t.Cleanup(stop)
	account := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(account, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "k8s:///migrate#token-file=" + account + "/token", env
}

// TestKilledHolder kills the holder with a signal that it cannot handle. Its
// command dies with it; what that started has the lock until it ends.
func TestKilledHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock := "honest file://" + filepath.Join(dir, "lock")
	holder := exec.CommandContext(t.Context(), os.Args[0], "sh", "-c", `(mkdir "$0/busy"; sleep 1; rmdir "$0/busy") & wait; exit`, dir)
	holder.Env = append(os.Environ(), replicaVariable+"="+lock)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	for { // until its command runs
		if _, err := os.Stat(filepath.Join(dir, "busy")); err == nil {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	next := exec.CommandContext(t.Context(), os.Args[0], "sh", "-c", `mkdir "$0/busy" || exit 42`, dir)
	next.Env = holder.Env
	if out, err := next.CombinedOutput(); err != nil {
		t.Errorf("the successor found it at work: %v\n%s", err, out)
	}
}
