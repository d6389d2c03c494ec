package target_test

import (
	"strings"
	"testing"

	"github.com/inith/inith/internal/target"
)

func TestCheckDropped(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"schema", "pool", "connection_limit", "serverVersion", "charset", "socketTimeout", "socket_keepalive", "sslResponseTimeout",
		"prepareThreshold", "health_check_interval", "pgbouncer", "controller", "allowNativePasswords", "user_agent",
	} {
		if err := target.CheckDropped(key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{
		"ssl_foo", "useSSL", "tlsCAFile", "socketFactory", "unix-socket", "targetServerType", "role", "sentinelMasterId", "master_name",
		"hostaddr", "clientCertificate", "encrypt", "driverOptions[1009]", "options[1014]", "S3cr3tSSL",
		"secure", "insecureSkipVerify", "security.protocol", "security_protocol", "sasl.mechanism", "password", "userName", "auth_token",
	} {
		if err := target.CheckDropped(key); err == nil || strings.Contains(err.Error(), "S3cr3t") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestSSLMode(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"VERIFY_IDENTITY": "verify-full", "verify-full": "verify-full", "verify_ca": "verify-ca", "REQUIRED": "require",
		"no-verify": "require", "skip-verify": "require", "true": "require", "1": "require", "preferred": "prefer", "off": "disable", "maybe": "", "": "",
	} {
		if got := target.SSLMode(value); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
