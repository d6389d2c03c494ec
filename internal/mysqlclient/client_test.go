package mysqlclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

func open(t *testing.T, raw string, tls tlsconfig.TLS) (*mysqlclient.Client, error) {
	t.Helper()
	u, err := redact.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return mysqlclient.New(u, mysqlclient.Options{TLS: tls, Drop: func(key string) error {
		if key == "charset" {
			return nil
		}
		return errors.New("unknown query key")
	}})
}

// describe says how a client connects, in the words of ssl-mode.
func describe(c *mysqlclient.Client) string {
	mode := "verify_identity"
	switch l := c.TLS; {
	case l == nil:
		return c.Network + " " + c.Address + " disabled"
	case c.Optional:
		mode = "preferred"
	case l.SkipVerify:
		mode = "required"
	case l.AnyName:
		mode = "verify_ca"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s %s", c.Network, c.Address, mode, c.TLS.CAFile, c.TLS.CertFile, c.TLS.KeyFile))
}

// TestNew has the spellings of the drivers of each language.
func TestNew(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"mysql://h":                                             "tcp h:3306 preferred",
		"mysql://[::1]:3307/d?charset=utf8":                     "tcp [::1]:3307 preferred",
		"mysql://h?ssl-mode=DISABLED":                           "tcp h:3306 disabled",
		"mysql://h?ssl_mode=VERIFY_IDENTITY&sslca=/ca":          "tcp h:3306 verify_identity /ca",
		"mysql://h?ssl-ca=/ca":                                  "tcp h:3306 verify_identity /ca",
		"mysql://h?sslMode=VERIFY_CA&sslcert=/c&sslkey=/k":      "tcp h:3306 verify_ca  /c /k",
		"mysql://h?useSSL=true":                                 "tcp h:3306 required",
		"mysql://h?useSSL=false":                                "tcp h:3306 preferred",
		"mysql://h?useSSL=true&verifyServerCertificate=true":    "tcp h:3306 verify_ca",
		"mariadb://h?useSsl=true&serverSslCert=/ca":             "tcp h:3306 required /ca",
		"mysql://h?tls=true":                                    "tcp h:3306 verify_identity",
		"mysql://h?tls=skip-verify":                             "tcp h:3306 required",
		"mysql://h?tls=false":                                   "tcp h:3306 disabled",
		"mysql://h?tls=preferred":                               "tcp h:3306 preferred",
		"mysql://h?sslaccept=strict&sslcert=/ca":                "tcp h:3306 verify_identity /ca",
		"mysql://h?sslaccept=accept_invalid_certs":              "tcp h:3306 required",
		"mysql://h?ssl_ca=/ca&ssl_verify_cert=true":             "tcp h:3306 verify_ca /ca",
		"mysql://h?ssl_check_hostname=true":                     "tcp h:3306 verify_identity",
		"mysql://h?ssl_disabled=true":                           "tcp h:3306 disabled",
		"mysql://h?ssl=%7B%22rejectUnauthorized%22:true%7D":     "tcp h:3306 verify_identity",
		"mysql://h?ssl=%7B%22rejectUnauthorized%22:false%7D":    "tcp h:3306 required",
		"mysql://h?ssl=true":                                    "tcp h:3306 required",
		"mysql://localhost/d?unix_socket=/run/mysqld.sock":      "unix /run/mysqld.sock preferred",
		"mysql:///d?socket=/run/mysqld.sock&ssl-mode=disabled":  "unix /run/mysqld.sock disabled",
		"mysql://h?ssl-mode=preferred&sslMode=VERIFY_IDENTITY":  "tcp h:3306 verify_identity",
		"mysql://localhost?socketPath=/run/s&ssl-mode=disabled": "unix /run/s disabled",
	} {
		c, err := open(t, raw, tlsconfig.TLS{})
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got := describe(c); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
	c, err := open(t, "mysql://h", tlsconfig.TLS{CAFile: "/ca"})
	if err != nil || describe(c) != "tcp h:3306 verify_identity /ca" {
		t.Errorf("an authority in the fragment: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"mysql:///d":                                "missing host",
		"mysql://a,b/d":                             "name one host",
		"mysql://h?ssl-mode=s3cr3t":                 "want disabled, preferred",
		"mysql://h?useSSL=s3cr3t":                   "not true or false",
		"mysql://h?tls=s3cr3t":                      "want disabled, preferred",
		"mysql://h?sslaccept=s3cr3t":                "want disabled, preferred",
		"mysql://h?ssl=%7B%22ca%22:%22s3cr3t%22%7D": "rejectUnauthorized",
		"mysql://h?sslcert=/c":                      "need each other",
		"mysql://h?unknown=s3cr3t":                  "unknown query key",
		"mysql://h?ssl=true&ssl=false":              "given twice",
	} {
		if _, err := open(t, raw, tlsconfig.TLS{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// TestConnectReportsNumbers has a server that refuses each connection, and quotes a secret.
func TestConnectReportsNumbers(t *testing.T) {
	t.Parallel()
	c, err := open(t, "mysql://u@h?ssl-mode=disabled", tlsconfig.TLS{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Connect(t.Context(), func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			_, _ = server.Write(append([]byte{9, 0, 0, 0, 0xff, 0x10, 0x04}, "s3cr3t"...)) // 1040
			_ = server.Close()
		}()
		return client, nil
	})
	e, ok := errors.AsType[*mysqlclient.Error](err)
	if !ok || e.Number != 1040 || e.Error() != "the server has too many connections (error 1040)" || usererr.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
}
