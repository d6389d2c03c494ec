package tlsconfig_test

import (
	"crypto/x509"
	"testing"

	"github.com/inith/inith/internal/tlsconfig"
)

// TestAuthoritiesWithoutSystemRoots points the system's pool at nothing, as in an
// image built from scratch.
func TestAuthoritiesWithoutSystemRoots(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/nonexistent")
	t.Setenv("SSL_CERT_DIR", "/nonexistent")
	if system, err := x509.SystemCertPool(); err == nil && !system.Equal(x509.NewCertPool()) {
		t.Fatal("the system's pool is still there")
	}
	if tlsconfig.Authorities().Equal(x509.NewCertPool()) {
		t.Error("no certificate authority")
	}
}
