package integration_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// realStarts is how often a server is started while inith waits for it. One
// start in which inith says ready and the server is not is one too many.
const realStarts = 20

// TestPostgresStarts waits for a server whose image starts it twice. The first
// one serves its init scripts on the Unix socket; a client that trusts the socket
// is wrong every time.
func TestPostgresStarts(t *testing.T) {
	t.Parallel()
	for i := range realStarts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			checkStart(t, func() (inith, naive <-chan error) {
				addr, dir := freeAddr(t), sharedDir(t)
				naive = naiveThenUse(t, "unix", filepath.Join(dir, ".s.PGSQL."+portOf(addr)), addr, usePostgres)
				target := fmt.Sprintf("postgres://postgres@%s/app#password-file=%s", addr, secretFile(t, password))
				inith = waitThenUse(t, target, addr, usePostgres)
				startPostgres(t, addr, withDir(dir, "/var/run/postgresql"))
				return inith, naive
			})
		})
	}
}

// TestRedisStarts waits for a server that accepts connections long before it has
// loaded its data. A client that only connects is wrong every time.
func TestRedisStarts(t *testing.T) {
	t.Parallel()
	for i := range realStarts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			checkStart(t, func() (inith, naive <-chan error) {
				addr, data := freeAddr(t), withDataset(t)
				naive = naiveThenUse(t, "tcp", addr, addr, useRedis)
				target := fmt.Sprintf("redis://%s#password-file=%s", addr, secretFile(t, password))
				inith = waitThenUse(t, target, addr, useRedis)
				startRedis(t, addr, data)
				return inith, naive
			})
		})
	}
}

// TestRedisLoadsWithoutPassword waits for a server that asks nobody for a
// password, and so says at level proto already that it loads its data.
func TestRedisLoadsWithoutPassword(t *testing.T) {
	t.Parallel()
	checkStart(t, func() (inith, naive <-chan error) {
		addr, data := freeAddr(t), withDataset(t)
		naive = naiveThenUse(t, "tcp", addr, addr, pingRedis)
		inith = waitThenUse(t, "redis://"+addr, addr, pingRedis)
		startRedis(t, addr, data, testcontainers.WithCmdArgs("--requirepass", ""))
		return inith, naive
	})
}

// TestPostgresRecovers waits for a server that was killed in the middle of its
// work and replays its log when it starts again.
func TestPostgresRecovers(t *testing.T) {
	t.Parallel()
	checkStart(t, func() (inith, naive <-chan error) { return startRecovery(t) })
}

// startRecovery starts a server that was killed, with work that it has to replay.
func startRecovery(t *testing.T) (inith, naive <-chan error) {
	t.Helper()
	const rows = "2000000"
	addr := freeAddr(t)
	s := startPostgres(t, addr, testcontainers.WithCmdArgs(
		"-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=1h", "-c", "fsync=off"))
	poll(t, 5*time.Minute, func(ctx context.Context) error { return usePostgres(ctx, addr) })
	fill(t, addr, "CREATE TABLE work AS SELECT i, md5(i::text) FROM generate_series(1, "+rows+") i", "CHECKPOINT",
		"UPDATE work SET i = -i")
	s.kill(t)

	useRows := func(ctx context.Context, addr string) error {
		return queryPostgres(ctx, addr, "SELECT count(*) FROM work WHERE i < 0", rows)
	}
	naive = naiveThenUse(t, "tcp", addr, addr, useRows)
	target := fmt.Sprintf("postgres://postgres@%s/app#password-file=%s", addr, secretFile(t, password))
	inith = waitThenUse(t, target, addr, useRows)
	s.restart(t)
	return inith, naive
}

func fill(t *testing.T, addr string, statements ...string) {
	t.Helper()
	c, err := loginPostgres(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range statements {
		if _, err = c.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// waitThenUse runs inith in the background and uses the server at once when it
// says ready. What it returns gives the error of that, nil if all was well.
func waitThenUse(t *testing.T, target, addr string, use func(context.Context, string) error) <-chan error {
	t.Helper()
	ctx, answer := t.Context(), make(chan error, 1)
	go func() {
		r := inith(ctx, t, "wait", "--timeout=3m", target)
		if r.code != 0 {
			answer <- fmt.Errorf("inith ended with code %d: %s", r.code, r.stderr)
			return
		}
		if err := use(ctx, addr); err != nil {
			answer <- fmt.Errorf("used when inith said ready, after %v: %w", r.took, err)
			return
		}
		answer <- nil
	}()
	return answer
}

// naiveThenUse does the same with a client that is content with a connection.
func naiveThenUse(t *testing.T, network, port, addr string, use func(context.Context, string) error) <-chan error {
	t.Helper()
	ctx, answer := t.Context(), make(chan error, 1)
	go func() {
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for naive(ctx, network, port) != nil {
			select {
			case <-pause.C:
			case <-ctx.Done():
				answer <- nil
				return
			}
		}
		answer <- use(ctx, addr)
	}()
	return answer
}

// checkStart checks that inith was right in a start in which the naive client was not. On a busy machine that one may come
// too late to be wrong: then the server is started once more.
func checkStart(t *testing.T, start func() (inith, naive <-chan error)) {
	t.Helper()
	const tries = 3
	for range tries {
		inithAnswer, naiveAnswer := start()
		if err := <-inithAnswer; err != nil {
			t.Fatal(err)
		}
		err := <-naiveAnswer
		t.Logf("the naive client: %v", err)
		if err != nil {
			return
		}
	}
	t.Error("a client that only connects was right each time: these starts test nothing")
}
