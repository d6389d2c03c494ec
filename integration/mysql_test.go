package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/testcontainers/testcontainers-go"

	"github.com/inith/inith/probe"
)

// TestMySQLProbesAreHarmless makes 200 attempts at a server that blocks a host after ten that do not finish their login. That
// the server blocks who closes connections at once shows that the limit is in force.
func TestMySQLProbesAreHarmless(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startMariaDB(t, addr, testcontainers.WithCmdArgs("--max-connect-errors=10", "--skip-name-resolve=OFF"))
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useMySQL(ctx, addr) })
	addr = net.JoinHostPort(ownAddress(t), portOf(addr)) // loopback addresses are never blocked
	for name, raw := range map[string]string{
		"proto":    "mysql://" + addr + "/app",
		"auth":     "mysql://app:" + escape(password) + "@" + addr + "/app",
		"rejected": "mysql://app:" + escape(wrongPassword) + "@" + addr + "/app",
	} {
		target := open(t, raw)
		for i := range 200 {
			err := attempt(t, target, 10*time.Second)
			if _, rejected := errors.AsType[*probe.RejectedError](err); err != nil && (name != "rejected" || !rejected) {
				t.Fatalf("%s, attempt %d: %v", name, i, err)
			}
		}
		if err := useMySQL(t.Context(), addr); err != nil {
			t.Fatalf("%s: the server does not serve this host any more: %v", name, err)
		}
	}
	for range 15 {
		if err := naive(t.Context(), "tcp", addr); err != nil {
			t.Fatal(err)
		}
	}
	if err := useMySQL(t.Context(), addr); err == nil {
		t.Error("the server blocks nobody: this test shows nothing")
	}
	err := attempt(t, open(t, "mysql://"+addr), 10*time.Second)
	if _, permanent := errors.AsType[*probe.PermanentError](err); !permanent {
		t.Errorf("blocked: %v, want a permanent error", err)
	}
}

// ownAddress returns an address of this host that is not the loopback's.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	t.Fatal("no address but the loopback's")
	return ""
}

// TestMySQLState asks for what a query, or a replica, has.
func TestMySQLState(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startMariaDB(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useMySQL(ctx, addr) })
	base := "mysql://app:" + escape(password) + "@" + addr + "/app#"
	admin := mysqlAdmin(t, addr)
	check := func(key string, ready bool) {
		t.Helper()
		if err := attempt(t, open(t, base+key), 10*time.Second); (err == nil) != ready {
			t.Errorf("%s: %v, want ready %t", key, err, ready)
		}
	}
	check("access=read-write", true)
	check("access=read-only", false)
	check("sql=SELECT%20count(*)%20FROM%20used", false)
	check("sql=SELECT%20one%20FROM%20used", false)
	check("sql=SELECT%20one%20FROM%20missing", false)
	for _, statement := range []string{"INSERT INTO app.used VALUES (1), (2), (3)", "SET GLOBAL read_only = 1"} {
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	check("sql=SELECT%20one%20FROM%20used", true)
	check("sql=SELECT%20one%20FROM%20used&access=read-only", true)
	check("access=read-write", false)
}

func mysqlAdmin(t *testing.T, addr string) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.Logger = "root", password, "tcp", addr, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
