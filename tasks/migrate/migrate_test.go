package migrate_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/tasks/migrate"
)

// A fakeLock is free, and calls back where a test wants to see or do something.
type fakeLock struct {
	try     func()
	orphans func() int
}

func (l fakeLock) Try(context.Context) (migrate.Lock, error) {
	if l.try != nil {
		l.try()
	}
	return l, nil
}

func (fakeLock) Close(context.Context)       {}
func (fakeLock) Check(context.Context) error { return nil }

func (l fakeLock) Orphans(context.Context, time.Duration) (int, error) {
	if l.orphans == nil {
		return 0, nil
	}
	return l.orphans(), nil
}

func (fakeLock) Bind(c migrate.Command) migrate.Command { return c }
func (fakeLock) Release(context.Context) error          { return nil }

// run runs a shell script as the command of a migration, as a step beside others
// does: it leaves the signals of this process alone.
func run(t *testing.T, l migrate.Locker, script, check string) error {
	t.Helper()
	m := migrate.Migration{Name: "fake", Locker: l, Command: command(script), Grace: time.Minute, Shared: true}
	if check != "" {
		m.Check = command(check)
	}
	return m.Run(t.Context())
}

func command(script string) migrate.Command {
	return migrate.Command{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: os.Environ()}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestOrphansAreAwaited has a session of an earlier holder's command seen at work
// twice: our command starts after that.
func TestOrphansAreAwaited(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	asked := 0
	l := fakeLock{orphans: func() int {
		if exists(t, started) {
			t.Error("the command started beside an orphan")
		}
		asked++
		return max(0, 3-asked)
	}}
	if err := run(t, l, "touch "+started, ""); err != nil || asked != 3 || !exists(t, started) {
		t.Errorf("got %v after %d questions, want success after 3", err, asked)
	}
}

// TestCheckedAgainUnderTheLock has another replica migrate between our first check
// and our lock: the second check sees it, and our command does not run.
func TestCheckedAgainUnderTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	applied, ran := filepath.Join(dir, "applied"), filepath.Join(dir, "ran")
	l := fakeLock{try: func() {
		if err := os.WriteFile(applied, nil, 0o600); err != nil {
			t.Error(err)
		}
	}}
	if err := run(t, l, "touch "+ran, "test -e "+applied); err != nil || exists(t, ran) {
		t.Errorf("got %v, the command ran: %t; want that nothing is pending", err, exists(t, ran))
	}
}

// TestOrphansForEver has a session of an earlier holder's command never end: the error names the
// option that limits the wait.
func TestOrphansForEver(t *testing.T) {
	t.Parallel()
	l := fakeLock{orphans: func() int { return 1 }}
	err := migrate.Migration{Name: "fake", Locker: l, Command: command("exit 9"), Wait: 50 * time.Millisecond, Shared: true}.Run(t.Context())
	if _, ok := errors.AsType[*migrate.DeadlineError](err); !ok || !strings.Contains(err.Error(), "within --lock-timeout of 50ms") {
		t.Errorf("got %v, want the limit of --lock-timeout", err)
	}
}
