package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/testcontainers/testcontainers-go"
)

// A mariaDB is a server with the tables that show whether migrations overlap.
type mariaDB struct {
	admin *sql.DB
	addr  string
	url   string
}

func newMariaDB(t *testing.T) *mariaDB {
	t.Helper()
	addr := freeAddr(t)
	startMariaDB(t, addr)
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.Logger = "root", password, "tcp", addr, "app", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := &mariaDB{sql.OpenDB(connector), addr, "mysql://app:" + escape(password) + "@" + addr + "/app"}
	t.Cleanup(func() { _ = db.admin.Close() })
	poll(t, 5*time.Minute, func(ctx context.Context) error { return db.admin.PingContext(ctx) })
	db.exec(t, "CREATE TABLE running (one int PRIMARY KEY) ENGINE=InnoDB")
	db.exec(t, "CREATE TABLE done (at datetime) ENGINE=InnoDB")
	return db
}

func (db *mariaDB) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := db.admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (db *mariaDB) count(ctx context.Context, t *testing.T, from string) int {
	t.Helper()
	n := 0
	if err := db.admin.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+from).Scan(&n); err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	return n
}

// replica returns the arguments of docker run for a replica whose migration takes so
// many seconds. It fails when another is at it: the key is taken then.
func (db *mariaDB) replica(seconds float64, options ...string) []string {
	migration := fmt.Sprintf("SET innodb_lock_wait_timeout=1; START TRANSACTION; INSERT INTO running VALUES (1); SELECT SLEEP(%g) INTO @x;"+
		" INSERT INTO done VALUES (NOW()); DELETE FROM running; COMMIT", seconds)
	return db.replicaOf([]string{"mariadb", "--host=127.0.0.1", "--port=" + portOf(db.addr), "--user=app", "--database=app", "--execute=" + migration}, options...)
}

func (db *mariaDB) replicaOf(command []string, options ...string) []string {
	args := withInith("mariadb", "--network=host", "--env=DATABASE_URL="+db.url, "--env=MYSQL_PWD="+password)
	return slices.Concat(args, []string{"migrate", "--lock-from-env=DATABASE_URL"}, options, []string{"--"}, command)
}

// cut ends the session that has the lock, which is the oldest one.
func (db *mariaDB) cut(t *testing.T) {
	t.Helper()
	var id int
	const oldest = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app' ORDER BY ID LIMIT 1"
	if err := db.admin.QueryRowContext(t.Context(), oldest).Scan(&id); err != nil {
		t.Fatal(err)
	}
	db.exec(t, fmt.Sprint("KILL ", id))
}

// runReplicas starts ten at once, and returns how they ended.
func (db *mariaDB) runReplicas(t *testing.T, option func(i int) string) []result {
	t.Helper()
	db.exec(t, "DELETE FROM done")
	results := make([]result, 10)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = runContainer(t, db.replica(0.3, option(i))...) })
	}
	wg.Wait()
	for _, r := range results {
		hasNoSecret(t, r.stderr)
	}
	return results
}

func TestMigrateMySQLReplicas(t *testing.T) {
	t.Parallel()
	db := newMariaDB(t)
	waited := 0
	for i, r := range db.runReplicas(t, func(int) string { return "--lock-timeout=2m" }) {
		if r.code != 0 || strings.TrimSpace(r.stdout) != "" {
			t.Errorf("replica %d: %+v", i, r)
		}
		if strings.Contains(r.stderr, "waiting for the lock") {
			waited++
			if !strings.Contains(r.stderr, "a session that has just ended") {
				hasAll(t, r.stderr, `holder="app@127.0.0.1 (connection `)
			}
		}
	}
	if n := db.count(t.Context(), t, "done"); n != 10 || waited == 0 {
		t.Errorf("%d migrations done, want 10; %d replicas waited", n, waited)
	}
	failed := 0
	for _, r := range db.runReplicas(t, func(i int) string { return fmt.Sprintf("--lock-name=sabotaged%d", i) }) {
		if r.code != 0 {
			failed++
		}
	}
	if failed == 0 {
		t.Error("ten replicas with ten locks did not meet: this test shows nothing")
	}
	t.Logf("%d of 10 waited; with a lock each, %d met another", waited, failed)
}

func TestMigrateMySQLHolder(t *testing.T) { //nolint:tparallel // one after the other: they have one lock
	t.Parallel()
	db := newMariaDB(t)
	const sleeping = "information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'"
	locked := func(t *testing.T, args ...string) string {
		t.Helper()
		name := startContainer(t, args...)
		waitLog(t, name, "command started")
		poll(t, 20*time.Second, func(ctx context.Context) error {
			if db.count(ctx, t, sleeping) == 0 {
				return fmt.Errorf("it does not migrate yet")
			}
			return nil
		})
		return name
	}
	t.Run("cut", func(t *testing.T) {
		holder := locked(t, db.replica(15, "--grace=1s")...)
		db.cut(t)
		r := endOf(t, holder)
		if r.code != 1 {
			t.Errorf("got %+v, want code 1", r)
		}
		hasAll(t, r.stderr, "error: the lock mysql://127.0.0.1:", "was lost, and the command does not run without it")
		hasNoSecret(t, r.stderr)
		db.endStatements(t, sleeping)
	})
	t.Run("cut without a session of its command", func(t *testing.T) {
		checkWitness(t, "mariadb", db.url, func() { db.cut(t) })
	})
	t.Run("cut while its command thinks", func(t *testing.T) {
		idle := fmt.Sprintf("(echo 'START TRANSACTION; INSERT INTO running VALUES (1);'; sleep 60) | mariadb --host=127.0.0.1 --port=%s --user=app --database=app", portOf(db.addr))
		holder := startContainer(t, db.replicaOf([]string{"sh", "-c", idle}, "--grace=1s")...)
		waitLog(t, holder, "command started")
		poll(t, 20*time.Second, func(ctx context.Context) error {
			db.exec(t, "DO SLEEP(0.2)") //nolint:contextcheck // the test's. Read more often, that table stays as it is
			if db.count(ctx, t, "information_schema.INNODB_TRX") == 0 {
				return fmt.Errorf("it has begun no transaction")
			}
			return nil
		})
		successor := startContainer(t, db.replica(0, "--grace=1s", "--lock-timeout=1m")...)
		waitLog(t, successor, "waiting for the lock")
		db.cut(t)
		if r := endOf(t, successor); r.code != 0 || !strings.Contains(r.stderr, "waiting for sessions or processes of an earlier run") {
			t.Errorf("the successor: %+v", r)
		}
		if r := endOf(t, holder); r.code != 1 {
			t.Errorf("got %+v, want code 1", r)
		}
	})
	t.Run("killed", func(t *testing.T) {
		holder := locked(t, db.replica(6)...)
		successor := startContainer(t, db.replica(0, "--grace=1s", "--lock-timeout=1m")...)
		waitLog(t, successor, "waiting for the lock")
		mustDocker(t.Context(), t, "kill", "--signal=KILL", holder)
		r := endOf(t, successor)
		if r.code != 0 {
			t.Errorf("the successor: %+v", r)
		}
		hasAll(t, r.stderr, "waiting for sessions or processes of an earlier run")
	})
	t.Run("frozen", func(t *testing.T) {
		holder := locked(t, db.replica(1)...)
		mustDocker(t.Context(), t, "pause", holder)
		r := runContainer(t, db.replica(0, "--lock-timeout=3s")...)
		if r.code != 124 {
			t.Errorf("got %+v, want code 124", r)
		}
		hasAll(t, r.stderr, "not taken: held by app@127.0.0.1 (connection ", "after --lock-timeout of 3s")
		mustDocker(t.Context(), t, "unpause", holder)
		if r := endOf(t, holder); r.code != 0 {
			t.Errorf("the holder, thawed: %+v", r)
		}
	})
	t.Run("refused", func(t *testing.T) {
		r := runContainer(t, "--network=host", "--volume="+binary+":/inith:ro", "--entrypoint=/inith", image("mariadb"),
			"migrate", "--lock", "mysql://app:wr0ng@"+db.addr+"/app", "--", "true")
		if r.code != 1 {
			t.Errorf("got %+v, want code 1", r)
		}
		hasAll(t, r.stderr, "cannot be locked: user or password refused (error 1045)")
		if strings.Contains(r.stderr, "wr0ng") {
			t.Errorf("the password is shown:\n%s", r.stderr)
		}
	})
}

// endStatements waits until the statements of a command that was ended have ended.
func (db *mariaDB) endStatements(t *testing.T, from string) {
	t.Helper()
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		if db.count(ctx, t, from) > 0 {
			return fmt.Errorf("a statement runs on")
		}
		return nil
	})
}

// TestMigrateMySQLTLS locks at a server that takes connections by TLS only.
func TestMigrateMySQLTLS(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startMariaDB(t, addr, withCertificate(t), testcontainers.WithCmdArgs("--ssl-cert=/tls.crt", "--ssl-key=/tls.key", "--require-secure-transport=ON"))
	base := "mysql://app:" + escape(password) + "@" + addr + "/app"
	for _, url := range []string{base + "#ca-file=" + escape(caFile(t)), base + "?ssl-mode=required", base} {
		wantExit(t, 0, "migrate", "--lock", url, "--lock-timeout=1m", "--", "/bin/true")
	}
	r := wantExit(t, 124, "migrate", "--lock", base+"?ssl-mode=verify_identity", "--lock-timeout=2s", "--", "/bin/true")
	hasAll(t, r.stderr, "not taken: TLS: the certificate is signed by an unknown authority")
	r = wantExit(t, 1, "migrate", "--lock", base+"?ssl-mode=disabled", "--", "/bin/true")
	hasAll(t, r.stderr, "ssl-mode")
	refusal := regexp.MustCompile(`cannot be locked: (user or password refused \(error 1045\)|the server .*\(error 3159\))`) // MariaDB, MySQL
	if !refusal.MatchString(r.stderr) {
		t.Errorf("no refusal in:\n%s", r.stderr)
	}
}
