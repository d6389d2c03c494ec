package integration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/inith/inith/probe"
)

// onlyTLS is an init script that has Postgres refuse logins without TLS.
const onlyTLS = `
cp /tls.crt "$PGDATA/server.crt"
cp /tls.key "$PGDATA/server.key"
chmod 600 "$PGDATA/server.key"
echo 'ssl = on' >>"$PGDATA/postgresql.conf"
sed -i 's/^host /hostssl /' "$PGDATA/pg_hba.conf"
`

// TestPostgresTLS asks a server that takes logins by TLS only, in libpq's modes.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startPostgres(t, addr, withCertificate(t), file("/docker-entrypoint-initdb.d/tls.sh", onlyTLS))
	base := "postgres://postgres:" + escape(password) + "@" + addr + "/app"
	verified := base + "?sslmode=verify-full&sslrootcert=" + escape(caFile(t))
	poll(t, 5*time.Minute, func(ctx context.Context) error { return open(t, verified).Probe(ctx) })

	for _, target := range []string{verified, verified + "#level=proto", base, base + "?sslmode=require", base + "#ca-file=" + escape(caFile(t))} {
		if err := attempt(t, open(t, target), 3*time.Second); err != nil {
			t.Errorf("%s: got %v, want nil", open(t, target).Name, err)
		}
	}
	err := attempt(t, open(t, base+"?sslmode=disable"), 3*time.Second)
	if _, ok := errors.AsType[*probe.RejectedError](err); !ok {
		t.Errorf("without TLS: got %v, want a RejectedError", err)
	}
	err = attempt(t, open(t, base+"?sslmode=verify-full"), 3*time.Second)
	if err == nil {
		t.Error("the authority is unknown, and inith says ready")
	}
}
