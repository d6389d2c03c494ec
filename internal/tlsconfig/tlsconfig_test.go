package tlsconfig_test

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
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/tlsconfig"
)

// pair returns a certificate that signs itself and its key, as PEM.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for given, want := range map[tlsconfig.TLS]bool{
		{}: true, {CertFile: "c", KeyFile: "k"}: true, {CertFile: "c"}: false, {KeyFile: "k"}: false,
	} {
		if err := given.Check(); (err == nil) != want {
			t.Errorf("%+v: %v", given, err)
		}
	}
}

func TestServerName(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]tlsconfig.TLS{"host": {SkipVerify: true}, "other": {SkipVerify: true, ServerName: "other"}} {
		l := tlsconfig.Loader{TLS: given}
		c, err := l.Config("host")
		if err != nil || c.ServerName != want || !c.InsecureSkipVerify || c.RootCAs != nil {
			t.Errorf("%+v, %v: want the name %s, nothing verified", c, err, want)
		}
	}
}

// TestFilesAreReadAgain mounts the files one after another, then replaces them.
func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	l := tlsconfig.Loader{TLS: tlsconfig.TLS{CAFile: ca, CertFile: cert, KeyFile: key}}
	fails := func(want string) {
		t.Helper()
		if _, err := l.Config("host"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	authority, private := pair(t)
	fails("CA file")
	write(t, ca, "s3cr3t")
	fails("has no certificate")
	write(t, ca, authority)
	fails("certificate file")
	write(t, cert, authority)
	fails("key file")
	write(t, key, "s3cr3t")
	fails("do not belong together")
	write(t, key, private)
	first, err := l.Config("host")
	if err != nil {
		t.Fatal(err)
	}
	same, err := l.Config("host")
	if err != nil || same.RootCAs != first.RootCAs || &same.Certificates[0] != &first.Certificates[0] {
		t.Errorf("unchanged files are parsed again: %v", err)
	}
	authority, private = pair(t)
	write(t, ca, authority)
	write(t, cert, authority)
	fails("do not belong together")
	write(t, key, private)
	second, err := l.Config("host")
	if err != nil || second.RootCAs.Equal(first.RootCAs) || &second.Certificates[0] == &first.Certificates[0] {
		t.Errorf("changed files are not parsed again: %v", err)
	}
}

func TestWithoutFilesTheAuthoritiesAreTheSystems(t *testing.T) {
	t.Parallel()
	var l tlsconfig.Loader
	if c, err := l.Config("host"); err != nil || c.RootCAs != tlsconfig.Authorities() || c.Certificates != nil {
		t.Errorf("got %+v, %v", c, err)
	}
}

// TestAnyName has a server whose certificate is for another name: only its authority is verified.
func TestAnyName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority, key := pair(t)
	stranger, _ := pair(t)
	cert, err := tls.X509KeyPair([]byte(authority), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]bool{authority: true, stranger: false} {
		client, server := net.Pipe()
		go func() {
			_ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}}).HandshakeContext(t.Context())
			_ = server.Close()
		}()
		l := tlsconfig.Loader{TLS: tlsconfig.TLS{CAFile: write(t, filepath.Join(dir, "ca"), ca)}, AnyName: true}
		c, err := l.Config("another.example")
		if err != nil {
			t.Fatal(err)
		}
		if err := tls.Client(client, c).HandshakeContext(t.Context()); (err == nil) != want {
			t.Errorf("%v, want a handshake: %v", err, want)
		}
		_ = client.Close()
	}
}
