package integration_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// migration is what replicas run: it fails if another is at it, builds an index as
// migrations do that must not stop the application, and counts itself.
const migration = `exec psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only -v ON_ERROR_STOP=1 -f /migration.sql`

const migrationSQL = `
BEGIN;
SET LOCAL lock_timeout = '10ms';
INSERT INTO running VALUES (1);
SELECT pg_sleep(%g);
DELETE FROM running;
COMMIT;
DROP INDEX CONCURRENTLY IF EXISTS counted;
CREATE INDEX CONCURRENTLY counted ON done (at);
INSERT INTO done VALUES (now());
`

// A migrationDB is a database, direct and through a pooler that gives each
// transaction another session.
type migrationDB struct {
	admin          *pgconn.PgConn
	direct, pooled string // URLs
}

func newMigrationDB(t *testing.T) *migrationDB {
	t.Helper()
	addr, pooler := freeAddr(t), freeAddr(t)
	startPostgres(t, addr)
	startPgBouncer(t, pooler, addr, "pool_mode = transaction")
	of := func(a string) string { return "postgres://postgres:" + escape(password) + "@" + a + "/app" }
	db := &migrationDB{direct: of(addr), pooled: of(pooler)}
	poll(t, 5*time.Minute, func(ctx context.Context) (err error) {
		db.admin, err = loginPostgres(ctx, addr)
		return err
	})
	t.Cleanup(func() { _ = db.admin.Close(context.Background()) })
	poll(t, 5*time.Minute, func(ctx context.Context) error { return usePostgres(ctx, pooler) })
	db.query(t, "CREATE TABLE running (one int, EXCLUDE (one WITH =)); CREATE TABLE done (at timestamptz)")
	return db
}

// query returns the first cell of the last result.
func (db *migrationDB) query(t *testing.T, sql string) string {
	t.Helper()
	results, err := db.admin.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

// replica returns the arguments of docker run for a replica, whose migration takes
// so many seconds, in an image that has the migrator and not inith.
func replica(t *testing.T, url string, seconds float64, options ...string) []string {
	t.Helper()
	args := withInith("postgres", "--network=host", "--env=DATABASE_URL="+url, mountFile(t, "/migration.sql", fmt.Sprintf(migrationSQL, seconds)))
	return slices.Concat(args, []string{"migrate", "--lock-from-env=DATABASE_URL"}, options, []string{"--", "sh", "-c", migration})
}

// runReplicas starts ten at once, and returns what they said.
func runReplicas(t *testing.T, db *migrationDB, url string, option func(i int) string) []result {
	t.Helper()
	db.query(t, "TRUNCATE done")
	results := make([]result, 10)
	var wg sync.WaitGroup
	for i := range results {
		args := replica(t, url, 0.3, option(i))
		wg.Go(func() { results[i] = runContainer(t, args...) })
	}
	wg.Wait()
	for _, r := range results {
		hasNoSecret(t, r.stderr)
	}
	return results
}

func TestMigrateReplicas(t *testing.T) {
	t.Parallel()
	db := newMigrationDB(t)
	for name, url := range map[string]string{"direct": db.direct, "pooled": db.pooled} {
		waited := 0
		for i, r := range runReplicas(t, db, url, func(int) string { return "--lock-timeout=2m" }) {
			if r.code != 0 || strings.TrimSpace(r.stdout) != "" {
				t.Errorf("%s: replica %d: %+v", name, i, r)
			}
			if strings.Contains(r.stderr, "waiting for the lock") {
				waited++
				if !strings.Contains(r.stderr, "a session that has just ended") {
					hasAll(t, r.stderr, `holder="inith-migrate:migrate@`)
				}
			}
			if pooled := strings.Contains(r.stderr, "connected through a pooler"); pooled != (name == "pooled") {
				t.Errorf("%s: a pooler is seen: %t", name, pooled)
			}
		}
		if n := db.query(t, "SELECT count(*) FROM done"); n != "10" || waited == 0 {
			t.Errorf("%s: %s migrations done, want 10; %d replicas waited", name, n, waited)
		}
		t.Logf("%s: %d of 10 waited", name, waited)
	}
	failed := 0
	for _, r := range runReplicas(t, db, db.direct, func(i int) string { return fmt.Sprintf("--lock-name=sabotaged%d", i) }) {
		if r.code != 0 {
			failed++
		}
	}
	if failed == 0 {
		t.Error("ten replicas with ten locks did not meet: this test shows nothing")
	}
	t.Logf("with a lock each, %d of 10 met another", failed)
}

func TestMigrateHolder(t *testing.T) { //nolint:tparallel // one after the other: they have one lock
	t.Parallel()
	db := newMigrationDB(t)
	locked := func(t *testing.T, args ...string) string {
		t.Helper()
		name := startContainer(t, args...)
		waitLog(t, name, "command started")
		poll(t, 20*time.Second, func(context.Context) error {
			if db.query(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'inith-command:%' AND query LIKE '%pg_sleep%'") == "0" { //nolint:contextcheck // the test's
				return fmt.Errorf("it does not migrate yet")
			}
			return nil
		})
		return name
	}
	for name, url := range map[string]string{"direct": db.direct, "pooled": db.pooled} {
		t.Run(name+" cut", func(t *testing.T) {
			holder := locked(t, replica(t, url, 15, "--grace=1s")...)
			db.query(t, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
			r := endOf(t, holder)
			if r.code != 1 {
				t.Errorf("got %+v, want code 1", r)
			}
			hasAll(t, r.stderr, "error: the lock postgres://127.0.0.1:", "was lost, and the command does not run without it")
			hasNoSecret(t, r.stderr)
		})
		t.Run(name+" killed", func(t *testing.T) {
			holder := locked(t, replica(t, url, 15)...)
			mustDocker(t.Context(), t, "kill", "--signal=KILL", holder)
			r := runContainer(t, replica(t, url, 0, "--grace=1s", "--lock-timeout=1m")...)
			if r.code != 0 {
				t.Errorf("the successor: %+v", r)
			}
		})
	}
	t.Run("cut without a session of its command", func(t *testing.T) {
		checkWitness(t, "postgres", db.direct, func() {
			db.query(t, "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"+
				" WHERE l.locktype = 'advisory' AND l.granted ORDER BY a.backend_start LIMIT 1")
		})
	})
	t.Run("frozen and cut", func(t *testing.T) {
		holder := locked(t, replica(t, db.direct, 1, "--grace=1s")...)
		mustDocker(t.Context(), t, "pause", holder)
		db.query(t, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
		r := runContainer(t, replica(t, db.direct, 0, "--grace=1s", "--lock-timeout=12s")...) // longer than the holder would have to end
		if r.code != 124 {
			t.Errorf("got %+v, want code 124", r)
		}
		hasAll(t, r.stderr, "waiting for sessions or processes of an earlier run", "error: the sessions or processes of an earlier run have not ended within --lock-timeout of 12s")
		mustDocker(t.Context(), t, "unpause", holder)
		r = endOf(t, holder)
		if r.code != 1 {
			t.Errorf("the holder, thawed: %+v, want code 1", r)
		}
		hasAll(t, r.stderr, "the lock is lost", "grace=0s")
		if r := runContainer(t, replica(t, db.direct, 0, "--grace=1s", "--lock-timeout=1m")...); r.code != 0 {
			t.Errorf("the successor: %+v", r)
		}
	})
	t.Run("frozen", func(t *testing.T) {
		holder := locked(t, replica(t, db.direct, 1)...)
		mustDocker(t.Context(), t, "pause", holder)
		r := runContainer(t, replica(t, db.direct, 0, "--lock-timeout=3s")...)
		if r.code != 124 {
			t.Errorf("got %+v, want code 124", r)
		}
		hasAll(t, r.stderr, "not taken: held by inith-migrate:migrate@", "after --lock-timeout of 3s")
		mustDocker(t.Context(), t, "unpause", holder)
		if r := endOf(t, holder); r.code != 0 {
			t.Errorf("the holder, thawed: %+v", r)
		}
	})
}

// checkWitness terminates the session of a lock, whose holder has a command without a session that takes its time to end: the
// successor does not start before that. In the image of a server there is a shell.
func checkWitness(t *testing.T, server, url string, cut func()) {
	t.Helper()
	shared := sharedDir(t)
	const slow = `mkdir /shared/busy || exit 42; trap 'sleep 3; rmdir /shared/busy; exit 0' TERM; while :; do sleep 0.1; done`
	const quick = `mkdir /shared/busy || exit 42; rmdir /shared/busy`
	replica := func(script string) []string {
		args := withInith(server, "--network=host", "--env=DATABASE_URL="+url, "--volume="+shared+":/shared")
		return append(args, "migrate", "--lock-from-env=DATABASE_URL", "--grace=20s", "--lock-timeout=1m", "--", "sh", "-c", script)
	}
	holder := startContainer(t, replica(slow)...)
	waitLog(t, holder, "command started")
	successor := startContainer(t, replica(quick)...)
	waitLog(t, successor, "waiting for the lock")
	cut()
	r := endOf(t, successor)
	if r.code != 0 {
		t.Errorf("the successor: %+v, want that no two commands run at once", r)
	}
	hasAll(t, r.stderr, "waiting for sessions or processes of an earlier run")
	if r := endOf(t, holder); r.code != 1 {
		t.Errorf("the holder: %+v, want code 1", r)
	}
}

// TestMigratePoolerOptions has the lock direct, and a pooler for the command that
// refuses options.
func TestMigratePoolerOptions(t *testing.T) {
	t.Parallel()
	db := newMigrationDB(t)
	pooled := func(env ...string) result {
		args := replica(t, db.direct, 0)
		args = slices.Concat([]string{"--env=POOLED=" + db.pooled}, args[:slices.Index(args, "--")+1], env)
		return runContainer(t, append(args, "sh", "-c", strings.ReplaceAll(migration, "$DATABASE_URL", "$POOLED"))...)
	}
	if r := pooled(); r.code == 0 || !strings.Contains(r.stderr, "unsupported startup parameter: options") {
		t.Errorf("this pooler takes options, and this test shows nothing: %+v", r)
	}
	if r := pooled("env", "-u", "PGOPTIONS"); r.code != 0 {
		t.Errorf("without PGOPTIONS: %+v", r)
	}
}

// TestMigratePostgresTLS locks at a server that takes logins by TLS only.
func TestMigratePostgresTLS(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startPostgres(t, addr, withCertificate(t), file("/docker-entrypoint-initdb.d/tls.sh", onlyTLS))
	base := "postgres://postgres:" + escape(password) + "@" + addr + "/app"
	for _, url := range []string{base + "?sslmode=verify-full&sslrootcert=" + escape(caFile(t)), base + "#ca-file=" + escape(caFile(t)), base} {
		wantExit(t, 0, "migrate", "--lock", url, "--lock-timeout=1m", "--", "/bin/true")
	}
	r := wantExit(t, 124, "migrate", "--lock", base+"?sslmode=verify-full", "--lock-timeout=2s", "--", "/bin/true")
	hasAll(t, r.stderr, "not taken: TLS: the certificate is signed by an unknown authority")
	r = wantExit(t, 1, "migrate", "--lock", base+"?sslmode=disable", "--", "/bin/true")
	hasAll(t, r.stderr, "cannot be locked: ")
}

// TestMigrateLocksWithoutEffect has a server whose lock functions grant every lock, as those of CockroachDB do: a role that
// finds other functions under their names. The command does not start.
func TestMigrateLocksWithoutEffect(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startPostgres(t, addr, file("/docker-entrypoint-initdb.d/locks.sql", `
CREATE FUNCTION public.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
ALTER ROLE postgres SET search_path = public, pg_catalog;`))
	url := "postgres://postgres:" + escape(password) + "@" + addr + "/app"
	poll(t, 5*time.Minute, func(ctx context.Context) error { return usePostgres(ctx, addr) })
	r := wantExit(t, 1, "migrate", "--lock", url, "--lock-timeout=1m", "--", "/bin/true")
	hasAll(t, r.stderr, "cannot be locked: the server grants locks that it does not keep", "hint: CockroachDB and some proxies do that")
	if strings.Contains(r.stderr, "command started") {
		t.Errorf("the command ran without a lock: %s", r.stderr)
	}
}

// fileReplica returns the arguments of docker run for a replica that locks a file of
// a volume.
func fileReplica(volume, script string, options ...string) []string {
	args := withInith("busybox", "--network=none", "--volume="+volume+":/shared")
	return slices.Concat(args, []string{"migrate", "--lock=file:///shared/lock"}, options, []string{"--", "sh", "-c", script})
}

// TestMigrateFile locks a file of a volume that containers share: ten at once; and a
// holder that is killed, whose child dies with it, or frozen.
func TestMigrateFile(t *testing.T) {
	t.Parallel()
	shared := sharedDir(t)
	const script = `mkdir /shared/busy || exit 42; sleep 0.3; echo >>/shared/done; rmdir /shared/busy`
	var wg sync.WaitGroup
	results := make([]result, 10)
	for i := range results {
		wg.Go(func() { results[i] = runContainer(t, fileReplica(shared, script)...) })
	}
	wg.Wait()
	for i, r := range results {
		if r.code != 0 {
			t.Errorf("replica %d: %+v", i, r)
		}
	}
	if b, err := os.ReadFile(filepath.Join(shared, "done")); len(b) != 10 {
		t.Errorf("%d migrations, %v; want 10", len(b), err)
	}

	holder := startContainer(t, fileReplica(shared, "sleep 30")...)
	waitLog(t, holder, "command started")
	mustDocker(t.Context(), t, "pause", holder)
	r := runContainer(t, fileReplica(shared, script, "--lock-timeout=2s")...)
	if r.code != 124 {
		t.Errorf("while the holder is frozen: %+v, want code 124", r)
	}
	hasAll(t, r.stderr, "not taken: held by ", "after --lock-timeout of 2s")
	mustDocker(t.Context(), t, "unpause", holder)
	mustDocker(t.Context(), t, "kill", "--signal=KILL", holder)
	if r := runContainer(t, fileReplica(shared, script, "--lock-timeout=10s")...); r.code != 0 {
		t.Errorf("the successor of one that was killed: %+v", r)
	}
}

// TestExampleMigrate runs migrate.yaml: the container that brings inith, then three
// replicas of the one that migrates, with a stand-in for its migrator.
func TestExampleMigrate(t *testing.T) {
	t.Parallel()
	tag := buildInith(t)
	db := newMigrationDB(t)
	objects := manifest(t, filepath.Join(kubernetesDir, "migrate.yaml"))
	pod, ok := podOf(objects[0])
	if !ok || len(pod.Spec.InitContainers) != 2 {
		t.Fatal("migrate.yaml has no Pod with two init containers")
	}
	volumes := map[string]string{"inith-bin": newVolume(t), "db-credentials": sharedDir(t)}
	writeMode(t, filepath.Join(volumes["db-credentials"], "url"), db.direct+"\n", 0o644)
	python := writeFile(t, "python", `#!/bin/sh
psql="psql $(cat $DATABASE_URL_FILE) --no-psqlrc --quiet --tuples-only -v ON_ERROR_STOP=1"
case "$*" in
"manage.py migrate --check") test "$($psql -c 'SELECT count(*) FROM done')" -gt 0 ;;
"manage.py migrate --noinput") exec $psql -f /migration.sql ;;
*) exit 64 ;;
esac
`, 0o755)
	install, migrates := pod.Spec.InitContainers[0], pod.Spec.InitContainers[1]
	if r := runContainer(t, kubelet(t, pod, install, volumes, tag, "--network=none")...); r.code != 0 {
		t.Fatalf("install: %+v", r)
	}
	options := []string{"--network=host", "--volume=" + python + ":/usr/local/bin/python:ro", mountFile(t, "/migration.sql", fmt.Sprintf(migrationSQL, 0.5))}
	var names []string
	for range 3 {
		names = append(names, startContainer(t, kubelet(t, pod, migrates, volumes, image("postgres"), options...)...))
	}
	skipped := 0
	for _, name := range names {
		r := endOf(t, name)
		if r.code != 0 {
			t.Errorf("got %+v, want code 0", r)
		}
		skipped += strings.Count(r.stderr, "nothing pending")
		hasNoSecret(t, r.stderr)
	}
	if n := db.query(t, "SELECT count(*) FROM done"); n != "1" || skipped != 2 {
		t.Errorf("%s migrations done and %d skipped, want 1 and 2", n, skipped)
	}
}
