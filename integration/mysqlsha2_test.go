package integration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// TestMySQLCachingSHA2 logs in as clients of MySQL 8 do: with the password, which the server takes over TLS alone, and with a
// hash of it that the server has cached.
func TestMySQLCachingSHA2(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"password": nil, "hash": {"--cached"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := freeAddr(t)
			startServer(t, "busybox", withDir(program(t, "mysqlserver"), "/mysqlserver"), withCertificate(t),
				testcontainers.WithCmd("/mysqlserver", "--address", addr, "--password", password, "--cert", "/tls.crt", "--key", "/tls.key"),
				testcontainers.WithCmdArgs(options...))
			poll(t, 5*time.Minute, func(ctx context.Context) error { return naive(ctx, "tcp", addr) })
			keys := "?tls=true#ca-file=" + caFile(t)
			for _, raw := range []string{
				"mysql://" + addr, "mysql://app:" + escape(password) + "@" + addr + keys, "mysql://app:" + escape(password) + "@" + addr + keys + "&sql=SELECT%201",
				"mysql://app:" + escape(wrongPassword) + "@" + addr + keys + "&level=proto",
			} {
				if err := attempt(t, open(t, raw), 10*time.Second); err != nil {
					t.Errorf("%s: %v", raw, err)
				}
			}
			err := attempt(t, open(t, "mysql://app:"+escape(wrongPassword)+"@"+addr+keys), 10*time.Second)
			if _, rejected := errors.AsType[*probe.RejectedError](err); !rejected {
				t.Errorf("wrong password: %v, want a RejectedError", err)
			}
		})
	}
}
