package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdCertificates makes certificates and keys: server.crt with its key, signed by
// the one that follows it, which ca.crt has signed; and others that are wrong.
func cmdCertificates(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: certificates")
	}
	write := func(name string, parts ...[]byte) {
		ts.Check(os.WriteFile(ts.MkAbs(name), bytes.Join(parts, nil), 0o644))
	}
	m := &mint{ts: ts}
	root, other := m.issue(authority(), nil), m.issue(authority(), nil)
	between := m.issue(authority(), root)
	server := m.issue(leaf(), between)
	ts.Check(os.MkdirAll(ts.MkAbs("tls"), 0o755))
	write("tls/ca.crt", root.pem)
	write("tls/tls.crt", server.pem, between.pem)
	write("tls/tls.key", server.keyPEM)
	write("other-ca.crt", other.pem)
	write("server.crt", server.pem, between.pem)
	write("server.key", server.keyPEM)
	write("other.key", other.keyPEM)
	write("reversed.crt", between.pem, server.pem)
	write("stranger.crt", server.pem, other.pem)

	expired, future, nameless := leaf(), leaf(), leaf()
	expired.NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	future.NotBefore = time.Date(2299, 1, 1, 0, 0, 0, 0, time.UTC)
	nameless.DNSNames, nameless.IPAddresses = nil, nil
	m.key = server.key
	write("expired.crt", m.issue(expired, between).pem, between.pem)
	write("future.crt", m.issue(future, between).pem)
	write("nameless.crt", m.issue(nameless, between).pem)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	ts.Check(err)
	der, err := x509.CreateCertificate(rand.Reader, leaf(), root.cert, weak.Public(), root.key)
	ts.Check(err)
	write("weak.crt", pemOf("CERTIFICATE", der))

	write("encrypted.key", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")))
	write("damaged.crt", bytes.Replace(server.pem, []byte("MII"), []byte("M!I"), 1))
	write("cut.pem", server.keyPEM, server.pem[:len(server.pem)/2])
	write("none.key", []byte("x\n"))
	write("lies.crt", []byte("# a comment\n"), pemOf("CERTIFICATE", []byte("x")), pemOf("PRIVATE KEY", []byte("x")))
}

// A mint makes certificates.
type mint struct {
	ts  *testscript.TestScript
	key *ecdsa.PrivateKey // of all that it makes; nil is a new one each
}

type minted struct {
	cert        *x509.Certificate
	key         *ecdsa.PrivateKey
	pem, keyPEM []byte
}

func (m *mint) issue(template *x509.Certificate, by *minted) *minted {
	key := m.key
	if key == nil {
		var err error
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		m.ts.Check(err)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	m.ts.Check(err)
	cert, err := x509.ParseCertificate(der)
	m.ts.Check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	m.ts.Check(err)
	return &minted{cert, key, pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", keyDER)}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func leaf() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "api.example.com"},
		NotBefore: time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"api.example.com", "*.api.example.com"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)},
	}
}

func authority() *x509.Certificate {
	c := leaf()
	c.Subject.CommonName, c.DNSNames, c.IPAddresses = "authority "+c.SerialNumber.String(), nil, nil
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return c
}
