package integration_test

import (
	"context"
	"fmt"
	"path/filepath"
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
	poll(t, time.Minute, func(ctx context.Context) (err error) {
		db.admin, err = loginPostgres(ctx, addr)
		return err
	})
	t.Cleanup(func() { _ = db.admin.Close(context.Background()) })
	poll(t, time.Minute, func(ctx context.Context) error { return usePostgres(ctx, pooler) })
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
	args := []string{
		"--network=host", "--user=1234", "--volume=" + binary + ":/inith:ro", "--entrypoint=/inith", "--env=DATABASE_URL=" + url,
		mountFile(t, "/migration.sql", fmt.Sprintf(migrationSQL, seconds)),
		image("postgres"), "migrate", "--lock-from-env=DATABASE_URL",
	}
	return append(append(args, options...), "--", "sh", "-c", migration)
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
		for i, r := range runReplicas(t, db, url, func(int) string { return "--wait=2m" }) {
			if r.code != 0 || strings.TrimSpace(r.stdout) != "" {
				t.Errorf("%s: replica %d: %+v", name, i, r)
			}
			if strings.Contains(r.stderr, "waiting for the lock") {
				waited++
				hasAll(t, r.stderr, `holder="inith-migrate:migrate@`)
			}
			if pooled := strings.Contains(r.stderr, "a pooler is before the server"); pooled != (name == "pooled") {
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
			hasAll(t, r.stderr, "error: the lock postgres://127.0.0.1:", "was lost, and nothing runs without it")
			hasNoSecret(t, r.stderr)
		})
		t.Run(name+" killed", func(t *testing.T) {
			holder := locked(t, replica(t, url, 15)...)
			mustDocker(t.Context(), t, "kill", "--signal=KILL", holder)
			r := runContainer(t, replica(t, url, 0, "--grace=1s", "--wait=1m")...)
			if r.code != 0 {
				t.Errorf("the successor: %+v", r)
			}
		})
	}
	t.Run("frozen", func(t *testing.T) {
		holder := locked(t, replica(t, db.direct, 1)...)
		mustDocker(t.Context(), t, "pause", holder)
		r := runContainer(t, replica(t, db.direct, 0, "--wait=3s")...)
		if r.code != 124 {
			t.Errorf("got %+v, want code 124", r)
		}
		hasAll(t, r.stderr, "not taken: held by inith-migrate:migrate@", "after --wait of 3s")
		mustDocker(t.Context(), t, "unpause", holder)
		if r := endOf(t, holder); r.code != 0 {
			t.Errorf("the holder, thawed: %+v", r)
		}
	})
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
