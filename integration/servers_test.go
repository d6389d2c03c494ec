package integration_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err) // addr is from freeAddr
	}
	return port
}

// startPostgres starts a server with a database app. Unlike the image's default,
// it asks for a password on loopback too.
func startPostgres(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "postgres", append([]testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(map[string]string{
			"PGPORT": portOf(addr), "POSTGRES_PASSWORD": password, "POSTGRES_DB": "app",
			"POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256",
		}),
		testcontainers.WithCmd("postgres", "-c", "listen_addresses=127.0.0.1"),
	}, opts...)...)
}

// startMariaDB starts a server with a database app and a user app.
func startMariaDB(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "mariadb", append([]testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(map[string]string{
			"MARIADB_ROOT_PASSWORD": password, "MARIADB_DATABASE": "app", "MARIADB_USER": "app", "MARIADB_PASSWORD": password,
		}),
		testcontainers.WithCmd("mariadbd", "--port="+portOf(addr)),
	}, opts...)...)
}

// startStandby starts a server that waits for log from a primary that is not
// there, and takes no connections until it is promoted: it answers 57P03.
func startStandby(t *testing.T, addr string) (finish func()) {
	t.Helper()
	s := startPostgres(t, addr,
		testcontainers.WithCmdArgs("-c", "hot_standby=off"),
		file("/docker-entrypoint-initdb.d/standby.sh", `touch "$PGDATA/standby.signal"`))
	return func() { s.exec(t, "postgres", "pg_ctl", "promote", "--no-wait", "-D", "/var/lib/postgresql/data") }
}

// startRedis starts a server that needs a password and never saves.
func startRedis(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "redis", append([]testcontainers.ContainerCustomizer{
		testcontainers.WithCmd("redis-server", "--port", portOf(addr), "--bind", "127.0.0.1", "--requirepass", password, "--save", ""),
	}, opts...)...)
}

// withRedisTLS makes a server speak TLS alone. Of an option that comes twice,
// Redis takes the last.
func withRedisTLS(t *testing.T, addr string) testcontainers.CustomizeRequestOption {
	t.Helper()
	return func(r *testcontainers.GenericContainerRequest) error {
		r.Cmd = append(r.Cmd, "--port", "0", "--tls-port", portOf(addr), "--tls-auth-clients", "no",
			"--tls-cert-file", "/tls.crt", "--tls-key-file", "/tls.key", "--tls-ca-cert-file", "/tls.crt")
		return withCertificate(t).Customize(r)
	}
}

func withCertificate(t *testing.T) testcontainers.CustomizeRequestOption {
	t.Helper()
	c := certificate(t)
	return func(r *testcontainers.GenericContainerRequest) error {
		if err := file("/tls.crt", c.cert).Customize(r); err != nil {
			return err
		}
		return file("/tls.key", c.key).Customize(r)
	}
}

// nginxConfig serves the image's page to a user with a password, or 503 until
// there is a file /tmp/ready.
const nginxConfig = `
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	server {
		listen %s;
		%s
		root /usr/share/nginx/html;
		auth_basic app;
		auth_basic_user_file /etc/nginx/users;
		if (!-e /tmp/ready) { return 503; }
	}
}
`

// startNginx starts a server that listens on addr, which is anything that
// nginx's listen understands.
func startNginx(t *testing.T, listen string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "nginx", append([]testcontainers.ContainerCustomizer{
		file("/etc/nginx/nginx.conf", fmt.Sprintf(nginxConfig, listen, "")),
		file("/etc/nginx/users", "app:{PLAIN}"+password+"\n"),
	}, opts...)...)
}

// startHTTPS starts a server like startNginx does, with TLS.
func startHTTPS(t *testing.T, addr string, opts ...testcontainers.ContainerCustomizer) *server {
	t.Helper()
	return startServer(t, "nginx", append(withNginxTLS(t, addr), opts...)...)
}

func withNginxTLS(t *testing.T, listen string) []testcontainers.ContainerCustomizer {
	t.Helper()
	const tls = "ssl_certificate /tls.crt; ssl_certificate_key /tls.key;"
	return []testcontainers.ContainerCustomizer{
		file("/etc/nginx/nginx.conf", fmt.Sprintf(nginxConfig, listen+" ssl", tls)),
		file("/etc/nginx/users", "app:{PLAIN}"+password+"\n"),
		withCertificate(t),
	}
}

// up makes nginx ready from the beginning.
func up() testcontainers.CustomizeRequestOption { return file("/tmp/ready", "") }

// startHAProxy starts a TCP proxy with these lines as its backend.
func startHAProxy(t *testing.T, addr, backend string) *server {
	t.Helper()
	return startServer(t, "haproxy", file("/usr/local/etc/haproxy/haproxy.cfg", fmt.Sprintf(`
defaults
	mode tcp
	timeout connect 5s
	timeout client 1m
	timeout server 1m
listen proxy
	bind %s
	%s
`, addr, backend)))
}

// startPgBouncer starts a pooler before the Postgres server at backend, with the
// same user, password and database, and more settings as lines.
func startPgBouncer(t *testing.T, addr, backend string, more ...string) *server {
	t.Helper()
	return startServer(t, "pgbouncer",
		file("/etc/pgbouncer/userlist.txt", fmt.Sprintf("%q %q\n", "postgres", password)),
		file("/etc/pgbouncer/pgbouncer.ini", fmt.Sprintf(`
[databases]
app = host=127.0.0.1 port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
%s
`, portOf(backend), portOf(addr), strings.Join(more, "\n"))))
}
