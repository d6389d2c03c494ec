package probe_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// TestPostgresTLS asks a server with TLS, whose certificate is for example.com
// and 127.0.0.1, by each of libpq's modes.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	site := secureSite(t) // for its certificate
	ca := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw})))
	other := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: otherAuthority(t)})))
	config := &tls.Config{Certificates: site.TLS.Certificates}
	address := serve(t, simserver.Postgres{Password: secret, Value: []byte("1"), TLS: config}.Handle)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host, query, fragment string
		want                  verdict
		text                  string
	}{
		{host: "127.0.0.1", query: "sslmode=disable", want: ready},
		{host: "127.0.0.1", query: "sslmode=prefer", want: ready},
		{host: "127.0.0.1", query: "sslmode=require", want: ready},
		{host: "127.0.0.1", query: "sslmode=verify-ca", want: notYet, text: "unknown authority"},
		{host: "localhost", query: "sslmode=verify-ca&sslrootcert=" + escape(ca), want: ready},
		{host: "127.0.0.1", query: "sslmode=verify-full&sslrootcert=" + escape(ca), want: ready},
		{host: "localhost", query: "sslmode=verify-full&sslrootcert=" + escape(ca), want: notYet, text: "not for this name"},
		{host: "127.0.0.1", query: "sslrootcert=system", want: notYet, text: "unknown authority"},
		{host: "127.0.0.1", query: "sslmode=verify-full&sslrootcert=/nonexistent", want: notYet, text: "does not exist yet"},
		{host: "127.0.0.1", fragment: "ca-file=" + escape(ca), want: ready},
		{host: "127.0.0.1", fragment: "ca-file=" + escape(other), want: notYet, text: "unknown authority"},
		{host: "localhost", fragment: "tls-server-name=example.com&ca-file=" + escape(ca), want: ready},
		{host: "127.0.0.1", fragment: "ca-file=" + escape(secretFile(t, secret)), want: notYet, text: "cannot be used"},
		{host: "localhost", query: "sslmode=verify-full", fragment: "insecure-skip-tls-verify", want: ready},
	} {
		for _, level := range []string{"proto", "auth"} {
			raw := "postgres://app:" + secret + "@" + net.JoinHostPort(tt.host, port) + "/app?" + tt.query + "#level=" + level + "&" + tt.fragment
			if tt.fragment == "" {
				raw = raw[:len(raw)-1]
			}
			t.Run(level+" "+tt.host+" "+tt.query+" "+tt.fragment, func(t *testing.T) {
				t.Parallel()
				checkVerdict(t, attempt(t, raw), tt.want, tt.text)
			})
		}
	}
}

// TestPostgresUnixSocket names the directory of the socket, as libpq does.
func TestPostgresUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	raw := "postgres://app:" + secret + "@/app?host=" + escape(dir)
	checkVerdict(t, attempt(t, raw), notYet, "no such socket")
	s, err := simserver.Listen(t.Context(), "unix", filepath.Join(dir, ".s.PGSQL.5432"), simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, level := range []string{"tcp", "proto", "auth"} {
		checkVerdict(t, attempt(t, raw+"#level="+level), ready, "")
	}
}

// TestPostgresLogsInPlainlyWhereThereIsNoTLS counts connections: by
// sslmode=prefer the first login takes two, one of which asks for TLS.
func TestPostgresLogsInPlainlyWhereThereIsNoTLS(t *testing.T) {
	s := listen(t, simserver.Postgres{Refuse: "57P03"}.Handle)
	target := open(t, "postgres://app:"+secret+"@"+s.Addr()+"/app", probe.Options{})
	checkVerdict(t, target.Probe(t.Context()), notYet, "57P03")
	before := s.Accepted()
	s.Become(simserver.Postgres{Password: secret, Value: []byte("1")}.Handle)
	checkVerdict(t, target.Probe(t.Context()), ready, "")
	if got := s.Accepted() - before; got != 1 {
		t.Errorf("%d connections for a login, want 1", got)
	}
}

// otherAuthority returns a certificate that has signed nothing.
func otherAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestPostgresVerifiesByTheCommandsAuthority: --ca-file holds for Postgres as the
// fragment key does, and a password is not sent to who cannot show a certificate.
func TestPostgresVerifiesByTheCommandsAuthority(t *testing.T) {
	site := secureSite(t)
	address := serve(t, simserver.Postgres{Password: secret, Value: []byte("1"), TLS: &tls.Config{Certificates: site.TLS.Certificates}}.Handle)
	raw := "postgres://app:" + secret + "@" + address + "/app"
	for name, want := range map[string]verdict{
		secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw}))): ready,
		secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: otherAuthority(t)}))):      notYet,
	} {
		target := open(t, raw, probe.Options{TLS: probe.TLS{CAFile: name}})
		checkVerdict(t, target.Probe(t.Context()), want, "unknown authority")
		if got := target.Trace().Verified; got != (want == ready) {
			t.Errorf("Trace.Verified = %v where the verdict is %v", got, want)
		}
	}
	skipping := open(t, raw+"?sslmode=require", probe.Options{})
	checkVerdict(t, skipping.Probe(t.Context()), ready, "")
	if trace := skipping.Trace(); !trace.TLS || trace.Verified {
		t.Errorf("trace %v: the certificate was not verified", trace)
	}
}
