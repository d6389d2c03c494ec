package tlsconfig

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Authorities returns the system's certificate pool, or, in an image without one
// (scratch), Mozilla's, which is linked in and parsed at the first call only.
// The caller must not change it.
func Authorities() *x509.CertPool { return authorities() }

//nolint:gochecknoglobals // a cache of what never changes
var authorities = sync.OnceValue(func() *x509.CertPool {
	p, err := x509.SystemCertPool()
	if err == nil && !p.Equal(x509.NewCertPool()) {
		return p
	}
	p = x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
			continue // the others are still good
		case root.Constraint != nil:
			p.AddCertWithConstraint(cert, root.Constraint)
		default:
			p.AddCert(cert)
		}
	}
	return p
})
