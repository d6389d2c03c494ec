package source_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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
		config := source.TLS{CAFile: authorities(t, append(others, s)...), CertFile: s.cert, KeyFile: s.key, ServerName: "origin.test"}
		if skip {
			config = source.TLS{CertFile: s.cert, KeyFile: s.key, SkipVerify: true}
		}
		_, _, err := readAll(t, resolve(t, &source.Network{TLS: config}, s.URL+"/x"), 0, source.Whole)
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

// TestTLSOfProxy reaches an http and an https origin through an https proxy: what the user
// said of the origin is not said of the proxy.
func TestTLSOfProxy(t *testing.T) {
	t.Parallel()
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }
	plain := httptest.NewServer(http.HandlerFunc(hello))
	defer plain.Close()
	origin := newSite(t, "origin.test", func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			t.Error("the origin got no certificate")
		}
		hello(w, r)
	})
	var asked atomic.Int64
	relay := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if len(r.TLS.PeerCertificates) > 0 {
			t.Error("the proxy got our certificate")
		}
		if r.Method != http.MethodConnect {
			hello(w, r)
			return
		}
		to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		w.WriteHeader(http.StatusOK)
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			_, _ = io.Copy(to, client)
			_ = to.Close()
		}()
		_, _ = io.Copy(client, to)
		_ = client.Close()
	}
	named, stranger := newSite(t, "localhost", relay), newSite(t, "origin.test", relay)
	for _, target := range []string{plain.URL, origin.URL} {
		for proxy, want := range map[*site]bool{named: true, stranger: false} {
			u := parse(t, strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1))
			n := &source.Network{
				TLS:   source.TLS{CAFile: authorities(t, origin, proxy), CertFile: origin.cert, KeyFile: origin.key, ServerName: "origin.test"},
				Proxy: func(*url.URL) (*url.URL, error) { return u, nil },
			}
			asked.Store(0)
			_, got, err := readAll(t, resolve(t, n, target+"/x"), 0, source.Whole)
			if (err == nil) != want || want && got != "hello" || (asked.Load() > 0) != want {
				t.Errorf("%s through %s: %q, %v, asked %d times", target, proxy.URL, got, err, asked.Load())
			}
		}
	}
}
