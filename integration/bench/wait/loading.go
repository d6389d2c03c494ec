package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
)

// startingPostgres answers as a Postgres server that is starting: no TLS, then
// SQLSTATE 57P03.
func startingPostgres(c net.Conn) { simserver.Postgres{Refuse: "57P03"}.Handle(c) }

// loadingRedis answers as a Redis server that loads its data: logging in works,
// PING does not.
func loadingRedis(c net.Conn) {
	simserver.Redis(func(command []string) string {
		switch command[0] {
		case "PING":
			return "-LOADING Redis is loading the dataset in memory\r\n"
		case "HELLO":
			return "-ERR unknown command 'HELLO'\r\n" // as before version 6; clients then use AUTH
		default:
			return "+OK\r\n"
		}
	})(c)
}

// A website answers every request with one status.
type website struct {
	addr   string
	caFile string // of its certificate; "" without TLS
	server *http.Server
}

func startWebsite(ctx context.Context, status int, cert *tls.Certificate, caFile string) (*website, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &website{addr: l.Addr().String(), caFile: caFile}
	w.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }),
	}
	if cert != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	}
	go func() { _ = w.server.Serve(l) }() // returns when close is called
	return w, nil
}

func (w *website) close() { _ = w.server.Close() }

// newCertificate returns a certificate for 127.0.0.1 that is its own authority,
// and writes it to a file for clients to trust.
func newCertificate(file string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, // curl wants an issuer with a name
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
