package libpq_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/libpq"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
)

// defaults are the settings of postgres://h.
func defaults(changed map[string]string) map[string]string {
	settings := map[string]string{
		"application_name": "inith", "user": "postgres", "password": "", "passfile": "", "database": "", "host": "h", "port": "5432",
		"sslmode": "prefer", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslcertmode": "allow", "sslsni": "1",
		"target_session_attrs": "any",
	}
	maps.Copy(settings, changed)
	return settings
}

func settings(t *testing.T, raw string, tls tlsconfig.TLS) (map[string]string, error) {
	t.Helper()
	u, err := redact.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return libpq.Settings(u, tls, func(key string) error {
		if key == "pool" || key == "uselibpqcompat" {
			return nil
		}
		return errors.New("unknown query key " + key)
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		tls  tlsconfig.TLS
		want map[string]string // besides the defaults
	}{
		{raw: "postgres://h"},
		{raw: "postgres://u@h:1/d%20b", want: map[string]string{"user": "u", "port": "1", "database": "d b"}},
		{raw: "postgres://h1,h2:2/d?dbname=e", want: map[string]string{"host": "h1,h2", "port": "5432,2", "database": "e"}},
		{raw: "postgres:///d?host=/run&port=3", want: map[string]string{"host": "/run", "port": "3", "database": "d"}},
		{raw: "postgres://h?connect_timeout=3&keepalives=0", want: map[string]string{"connect_timeout": "3"}},
		{raw: "postgres://h?ssl=verify-full&pool=1", want: map[string]string{"sslmode": "verify-full"}},
		{raw: "postgres://h?ssl=0", want: map[string]string{"sslmode": "disable"}},
		{raw: "postgres://h?sslmode=no-verify&uselibpqcompat=true", want: map[string]string{"sslmode": "require"}},
		{raw: "postgres://h?ssl_mode=VERIFY_IDENTITY&ssl-ca=/ca", want: map[string]string{"sslmode": "verify-full", "sslrootcert": "/ca"}},
		{raw: "postgres://h?sslMode=verify-full&useSSL=true&requiressl=1", want: map[string]string{"sslmode": "verify-full"}},
		{raw: "postgres://h?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory", want: map[string]string{"sslmode": "require"}},
		{raw: "postgres://h?sslaccept=strict&sslcert=/ca", want: map[string]string{"sslmode": "verify-full", "sslrootcert": "/ca"}},
		{raw: "postgres://h?sslaccept=strict&sslmode=disable", want: map[string]string{"sslmode": "disable"}},
		{raw: "postgres://h?sslaccept=accept_invalid_certs&sslcert=/ca", want: nil},
		{raw: "postgres://h/d?unix_socket=/run/pg", want: map[string]string{"database": "d", "host": "/run/pg"}},
		{raw: "postgres://h?targetServerType=preferSecondary", want: map[string]string{"target_session_attrs": "prefer-standby"}},
		{raw: "postgres://h?targetServerType=primary", want: map[string]string{"target_session_attrs": "primary"}},
		{raw: "postgres://h?ssl_min_protocol_version=TLSv1.2&sslcompression=0", want: nil},
		{raw: "postgres://h?ssl=true", want: map[string]string{"sslmode": "require"}},
		{raw: "postgres://h?sslrootcert=system", want: map[string]string{"sslmode": "verify-full"}},
		{raw: "postgres://h", tls: tlsconfig.TLS{CAFile: "/ca"}, want: map[string]string{"sslmode": "verify-full", "sslrootcert": "/ca"}},
		{
			raw: "postgres://h?sslmode=require", tls: tlsconfig.TLS{CertFile: "/c", KeyFile: "/k"},
			want: map[string]string{"sslmode": "require", "sslcert": "/c", "sslkey": "/k"},
		},
		{
			raw: "postgres://h?sslmode=verify-ca", tls: tlsconfig.TLS{CAFile: "/ca", SkipVerify: true},
			want: map[string]string{"sslmode": "require"},
		},
	} {
		got, err := settings(t, tt.raw, tt.tls)
		if diff := cmp.Diff(defaults(tt.want), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.raw, err, diff)
		}
	}
}

func TestSettingsRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"postgres:///d":                                 "missing host",
		"postgres://h2,h1:0/d":                          "not a number from 1 to 65535",
		"postgres://h?schema=public":                    "unknown query key schema",
		"postgres://h?sslmode=disable&sslmode=require":  `query key "sslmode" is given twice`,
		"postgres://h?password=s3cr3t&password=s3cr3t":  `query key "password" is given twice`,
		"postgres://h?password=%zzs3cr3t":               "not percent-encoded",
		"postgres://h?sslmode=s3cr3t":                   `query key "sslmode": want disable, allow, prefer`,
		"postgres://h?sslaccept=s3cr3t":                 "want strict or accept_invalid_certs",
		"postgres://h?targetServerType=s3cr3t":          "want any, primary, secondary",
		"postgres://h?requiressl=s3cr3t":                "not true or false",
		"postgres://h?sslfactory=com.example.Own":       "unknown query key sslfactory",
		"postgres://h?ssl_min_protocol_version=TLSv1.3": "unknown query key ssl_min_protocol_version",
	} {
		if _, err := settings(t, raw, tlsconfig.TLS{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"postgres://h?sslmode=verify-full&sslrootcert=/missing&sslcert=/missing&sslkey=/missing": true,
		"postgres://u:s3cr3t@h?target_session_attrs=x":                                           false,
	} {
		all, err := settings(t, raw, tlsconfig.TLS{})
		if err != nil {
			t.Fatal(err)
		}
		if err := libpq.Check(all); (err == nil) != want || err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	all := defaults(map[string]string{"user": `a'b\c`, "password": `p' host='elsewhere`, "sslmode": "verify-full"})
	c, err := libpq.Config(all, "other")
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "h" || c.User != `a'b\c` || c.Password != `p' host='elsewhere` {
		t.Errorf("got %s as %s: a value became a setting", c.Host, c.User)
	}
	for _, way := range libpq.TLS(c) {
		if (*way).ServerName != "other" || (*way).RootCAs != tlsconfig.Authorities() {
			t.Errorf("got %+v: want another name, and the system's authorities", *way)
		}
	}
	if len(libpq.TLS(c)) == 0 {
		t.Error("no TLS")
	}
	delete(all, "sslmode")
	all["sslmode"] = "prefer"
	if c, err = libpq.Config(all, ""); err != nil || len(libpq.TLS(c)) != 1 || len(c.Fallbacks) != 1 {
		t.Errorf("prefer: %v, want a way with TLS and one without", err)
	}
}

func TestConfigReadsTheFiles(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for key, what := range map[string]string{"sslrootcert": "CA file", "sslcert": "certificate file", "sslkey": "key file"} {
		_, err := libpq.Config(defaults(map[string]string{"sslmode": "verify-full", key: missing}), "")
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v, want that the %s is missing", key, err, what)
		}
	}
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := libpq.Config(defaults(map[string]string{"sslmode": "verify-full", "sslrootcert": broken}), "")
	if err == nil || !strings.Contains(err.Error(), "cannot be used") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("got %v", err)
	}
}

// TestShareTime gives each of several hosts and addresses a share of the time, and never more than connect_timeout.
func TestShareTime(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[string]time.Duration{"0": 5 * time.Minute, "60": time.Minute, "3600": 5 * time.Minute} {
		c, err := libpq.Config(defaults(map[string]string{"host": "127.0.0.1,127.0.0.2", "port": "1,2", "sslmode": "disable", "connect_timeout": timeout}), "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		libpq.ShareTime(ctx, c)
		if c.ConnectTimeout > want || c.ConnectTimeout < want-time.Minute/2 {
			t.Errorf("connect_timeout=%s: %v, want %v", timeout, c.ConnectTimeout, want)
		}
		if got, err := c.LookupFunc(ctx, "127.0.0.2"); err != nil || len(got) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
	}
}
