package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A pair is a certificate for 127.0.0.1 and the names of the origins, which signs
// itself, and its key, as PEM.
type pair struct{ cert, key string }

var makePair = sync.OnceValues(func() (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "inith integration tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{modelsHost, mirrorHost},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return pair{}, err
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes})),
	}, nil
})

func certificate(t *testing.T) pair {
	t.Helper()
	p, err := makePair()
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return p
}

// caFile is a file with the certificate, for inith.
func caFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, []byte(certificate(t).cert), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// trusting is the configuration of a client that trusts the certificate alone.
func trusting() *tls.Config {
	p, err := makePair()
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM([]byte(p.cert)) {
		panic("no certificate") // it was made when the server started
	}
	return &tls.Config{RootCAs: pool}
}
