package source_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/fetch/source"
)

// A site is an https server with a certificate of its own for a name.
type site struct {
	*httptest.Server
	cert, key string // PEM files
}

// newSite starts a site. It asks for client certificates, and takes any.
func newSite(t *testing.T, name string, h http.HandlerFunc) *site {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Server: httptest.NewUnstartedServer(h)}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.cert = pemFile(t, "CERTIFICATE", der)
	s.key = pemFile(t, "PRIVATE KEY", pkcs8)
	return s
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func authorities(t *testing.T, sites ...*site) string {
	t.Helper()
	var all []byte
	for _, s := range sites {
		b, err := os.ReadFile(s.cert)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	name := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(name, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestTLSOfOrigin redirects to another origin: what the user said of the first one is not
// said of that.
func TestTLSOfOrigin(t *testing.T) {
	t.Parallel()
	certificates := 0
	hello := func(w http.ResponseWriter, r *http.Request) {
		certificates = len(r.TLS.PeerCertificates)
		_, _ = w.Write([]byte("hello"))
	}
	named, local := newSite(t, "origin.test", hello), newSite(t, "localhost", hello)
	away := func(to *site) *site {
		byName := strings.Replace(to.URL, "127.0.0.1", "localhost", 1)
		return newSite(t, "origin.test", func(w http.ResponseWriter, r *http.Request) {
			if len(r.TLS.PeerCertificates) != 1 {
				t.Error("the origin got no certificate")
			}
			http.Redirect(w, r, byName+"/y", http.StatusFound)
		})
	}
	fetch := func(s *site, skip bool, others ...*site) error {
		tls := source.TLS{CAFile: authorities(t, append(others, s)...), CertFile: s.cert, KeyFile: s.key, ServerName: "origin.test"}
		if skip {
			tls = source.TLS{CertFile: s.cert, KeyFile: s.key, SkipVerify: true}
		}
		_, _, err := readAll(t, resolve(t, &source.Network{TLS: tls}, s.URL+"/x"), 0, source.Whole)
		return err
	}
	if err := fetch(named, false); err != nil || certificates != 1 {
		t.Errorf("the origin itself: %v, %d certificates", err, certificates)
	}
	if err := fetch(named, true); err != nil || certificates != 1 {
		t.Errorf("the origin itself, unverified: %v, %d certificates", err, certificates)
	}
	if err := fetch(away(local), false, local); err != nil || certificates != 0 {
		t.Errorf("a site with its own name: %v, got %d certificates", err, certificates)
	}
	if err := fetch(away(named), false, named); err == nil || !strings.Contains(err.Error(), "not for this name") {
		t.Errorf("a site with the name of the origin: %v", err)
	}
	if err := fetch(away(local), true); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a site of no known authority: %v", err)
	}
}
