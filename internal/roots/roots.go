// Package roots finds the certificate authorities to trust when none are named.
package roots

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Pool returns the system's certificate pool, or, in an image without one
// (scratch), Mozilla's, which is linked in and parsed at the first call only.
// The caller must not change it.
func Pool() *x509.CertPool { return pool() }

//nolint:gochecknoglobals // a cache of what never changes
var pool = sync.OnceValue(func() *x509.CertPool {
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
