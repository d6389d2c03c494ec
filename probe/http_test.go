package probe_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// site is a server with a page for each thing a probe can meet.
func site() http.Handler {
	mux := http.NewServeMux()
	answer := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"UP"}`)) })
	mux.HandleFunc("/created", answer(http.StatusCreated))
	mux.HandleFunc("/unavailable", answer(http.StatusServiceUnavailable))
	mux.HandleFunc("/forbidden", answer(http.StatusForbidden))
	mux.Handle("/here", http.RedirectHandler("/ok", http.StatusFound))
	mux.Handle("/elsewhere", http.RedirectHandler("http://inith.invalid/", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != secret && r.Header.Get("X-Token") != secret {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("HEAD /method", answer(http.StatusOK))
	mux.HandleFunc("/method", answer(http.StatusNotFound))
	mux.HandleFunc("/query", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "full=1&x=%2F" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	return mux
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(site())
	t.Cleanup(s.Close) // after the parallel subtests
	headers := secretFile(t, "X-Token: "+secret+"\n\n")
	for _, tt := range []struct {
		path string
		want verdict
		text string
	}{
		{"/ok", ready, ""},
		{"/created", ready, ""},
		{"/unavailable", notYet, "status 503, want 200-399"},
		{"/unavailable#status=200-299,503", ready, ""},
		{"/unavailable#level=proto", ready, ""},
		{"/unavailable#level=auth", ready, ""},
		{"/forbidden#level=proto", ready, ""},
		{"/forbidden#level=auth", rejected, "status 403"},
		{"/forbidden", notYet, "status 403"},
		{"/forbidden#status=403", ready, ""},
		{"/ok#body=%22UP%22", ready, ""},
		{"/ok#body=DOWN", notYet, "does not match"},
		{"/here#status=200", ready, ""},
		{"/elsewhere#status=302", ready, ""},
		{"/round", notYet, "redirects"},
		{"/slow", notYet, "sent nothing"},
		{"/private", notYet, "status 401"},
		{"/private#header-file=" + escape(headers), ready, ""},
		{"/private#header-file=/nonexistent", notYet, "does not exist yet"},
		{"/method#method=HEAD", ready, ""},
		{"/method", notYet, "status 404"},
		{"/query?full=1&x=%2F", ready, ""},
		{"/ok#level=tcp", ready, ""},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			check(t, s.URL+tt.path, tt.want, tt.text)
		})
	}
	for password, want := range map[string]verdict{secret: ready, "x" + secret: rejected} {
		u := strings.Replace(s.URL, "://", "://app:"+password+"@", 1) + "/private"
		checkVerdict(t, attempt(t, u), want, "status 401")
	}
}

// TestHTTPMalformedHeaders has header files that must not be sent: one that is there when
// the target is opened, and one that is mounted later.
func TestHTTPMalformedHeaders(t *testing.T) {
	t.Parallel()
	for _, content := range []string{secret + "\n", "X-Token: a\n " + secret, "X-Token: a\r" + secret} {
		file := secretFile(t, content)
		raw := "http://127.0.0.1:1/#header-file=" + escape(file)
		if _, err := probe.Open(raw, probe.Options{}); err == nil || !strings.Contains(err.Error(), `not "Name: value"`) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", content, err)
		}
		if err := os.Rename(file, file+"2"); err != nil {
			t.Fatal(err)
		}
		target := open(t, raw, probe.Options{})
		if err := os.Rename(file+"2", file); err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, target.Probe(t.Context()), permanent, `not "Name: value"`)
	}
}

func TestHTTPOtherAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server simserver.Handler
		text   string
	}{
		{"repeats what it was sent", simserver.Echo(""), "not understood"},
		{"redirects to what it was sent", simserver.Echo("HTTP/1.1 302 Found\r\nLocation: http://[bad/"), "not understood"},
		{"is as long as what it was sent", simserver.Echo("HTTP/1.1 200 OK\r\nContent-Length: "), "not understood"},
		{"has headers without end", simserver.Say("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1<<20)), "not understood"},
		{"silent", simserver.Silent, "sent nothing"},
		{"hangs up", simserver.HangUp, "without an answer"},
		{"another protocol", simserver.Say("-ERR unknown command\r\n"), "not understood"},
		{"hangs up in the middle", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"))
		}, "in the middle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, "http://"+serve(t, tt.server)+"/?token="+secret+"#body=x", notYet, tt.text)
		})
	}
}

// TestHTTPStreamIsReady: the body is read only where a pattern asks for it.
func TestHTTPStreamIsReady(t *testing.T) {
	address := serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n"))
		simserver.Silent(c)
	})
	checkVerdict(t, attempt(t, "http://"+address), ready, "")
	checkVerdict(t, attempt(t, "http://"+address+"#body=data:%20x"), ready, "") // as soon as it has come
}

// TestHTTPSendsSecretsToTheirOriginOnly redirects to another port of the same
// host, which is another origin.
func TestHTTPSendsSecretsToTheirOriginOnly(t *testing.T) {
	var leaked []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			leaked = append(leaked, name+": "+strings.Join(values, ","))
		}
	}))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL+"/", http.StatusFound))
	defer s.Close()
	headers := secretFile(t, "X-Token: "+secret+"\n")
	u := strings.Replace(s.URL, "://", "://app:"+secret+"@", 1) + "/?token=" + secret + "#header-file=" + escape(headers)
	checkVerdict(t, attempt(t, u), ready, "")
	all := strings.Join(leaked, "\n")
	if all == "" {
		t.Fatal("the redirect was not followed")
	}
	for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("app:" + secret)), "Referer"} {
		if strings.Contains(all, form) {
			t.Errorf("the other origin got %q", all)
		}
	}
}

// TestHTTPIgnoresTheEnvironmentsProxy points HTTP_PROXY at a port that refuses;
// a client of the standard library goes there.
func TestHTTPIgnoresTheEnvironmentsProxy(t *testing.T) {
	refused := listen(t, simserver.Silent)
	refused.Close()
	s := httptest.NewServer(site())
	defer s.Close()
	t.Setenv("HTTP_PROXY", "http://"+refused.Addr())
	t.Setenv("NO_PROXY", "")
	// ProxyFromEnvironment never proxies loopback; a name that only the proxy
	// could resolve shows that it would be asked.
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://inith.invalid/", http.NoBody)
	if u, err := http.ProxyFromEnvironment(req); err != nil || u == nil {
		t.Fatalf("proxy = %v, %v: the environment's is not in force", u, err)
	}
	checkVerdict(t, attempt(t, s.URL+"/ok"), ready, "")
}

func TestHTTPThroughAProxy(t *testing.T) {
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.String() }))
	defer proxy.Close()
	u, err := redact.ParseURL(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := open(t, "http://inith.invalid/ok", probe.Options{Proxy: u})
	checkVerdict(t, target.Probe(t.Context()), ready, "")
	if asked != "http://inith.invalid/ok" {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

// secureSite is site over TLS, quiet about clients that do not trust it.
func secureSite(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(site())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	s := secureSite(t)
	ca := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	plain := httptest.NewServer(site())
	t.Cleanup(plain.Close)
	for _, tt := range []struct {
		name, target string
		want         verdict
		text         string
	}{
		{"trusted", s.URL + "/ok#ca-file=" + escape(ca), ready, ""},
		{"unknown authority", s.URL + "/ok", notYet, "unknown authority"},
		{"not verified", s.URL + "/ok#insecure-skip-tls-verify", ready, ""},
		{"another name", s.URL + "/ok#tls-server-name=other.example.net&ca-file=" + escape(ca), notYet, "not for this name"},
		{"name of the certificate", s.URL + "/ok#tls-server-name=example.com&ca-file=" + escape(ca), ready, ""},
		{"CA not there yet", s.URL + "/ok#ca-file=/nonexistent", notYet, "does not exist yet"},
		{"CA is no PEM", s.URL + "/ok#ca-file=" + escape(secretFile(t, secret)), notYet, "has no certificate"},
		{"no TLS there", strings.Replace(plain.URL, "http:", "https:", 1), notYet, "does not speak TLS"},
		{"no HTTP there", "https://" + serve(t, simserver.Say("-ERR\r\n")) + "#insecure-skip-tls-verify", notYet, "does not speak TLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkVerdict(t, attempt(t, tt.target), tt.want, tt.text)
		})
	}
}

// TestHTTPSIsNotRedirectedToHTTP has a server with TLS send the client to one
// without, on the same host: what the answer says could then be anybody's.
func TestHTTPSIsNotRedirectedToHTTP(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/", http.StatusFound))
	t.Cleanup(secure.Close)
	checkVerdict(t, attempt(t, secure.URL+"#insecure-skip-tls-verify&status=302"), ready, "")
	if n := asked.Load(); n != 0 {
		t.Errorf("the server without TLS got %d requests, want none", n)
	}
}

// TestHTTPSFilesAreReadAgain mounts the CA after the first attempt.
func TestHTTPSFilesAreReadAgain(t *testing.T) {
	s := secureSite(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	target := open(t, s.URL+"/ok#ca-file="+escape(ca), probe.Options{})
	checkVerdict(t, target.Probe(t.Context()), notYet, "does not exist yet")
	rewrite(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	checkVerdict(t, target.Probe(t.Context()), ready, "")
	rewrite(t, ca, "no longer")
	checkVerdict(t, target.Probe(t.Context()), notYet, "has no certificate")
}

func TestHTTP2(t *testing.T) {
	only2 := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
	})
	s := httptest.NewUnstartedServer(only2)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	checkVerdict(t, attempt(t, s.URL+"#h2c"), ready, "")
	checkVerdict(t, attempt(t, s.URL), notYet, "")
	only := serve(t, refusesStreams(new(atomic.Int32)))
	checkVerdict(t, attempt(t, "http://"+only+"#level=proto"), notYet, "HTTP/2 only")

	secure := httptest.NewUnstartedServer(only2)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	checkVerdict(t, attempt(t, secure.URL+"#insecure-skip-tls-verify"), ready, "")
}

// TestHTTPOpensAConnectionForEachAttempt: a kept one would hide a rolling update.
func TestHTTPOpensAConnectionForEachAttempt(t *testing.T) {
	connections := 0
	s := httptest.NewUnstartedServer(site())
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context { connections++; return ctx }
	s.Start()
	defer s.Close()
	target := open(t, s.URL+"/ok", probe.Options{})
	for range 3 {
		checkVerdict(t, target.Probe(t.Context()), ready, "")
	}
	if connections != 3 {
		t.Errorf("%d connections for 3 attempts", connections)
	}
}

// TestHTTPRedirectToTheDefaultPort: http://host:80 is the origin http://host, so
// the credentials go there. A proxy stands for both.
func TestHTTPRedirectToTheDefaultPort(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Port() == "" {
			http.Redirect(w, r, "http://inith.invalid:80/b", http.StatusFound)
		} else if _, password, _ := r.BasicAuth(); password != secret {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer proxy.Close()
	u, err := redact.ParseURL(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := open(t, "http://app:"+secret+"@inith.invalid/a#status=200", probe.Options{Proxy: u})
	checkVerdict(t, target.Probe(t.Context()), ready, "")
}

// TestHTTPSClientCertificateIsWanted has a server refuse a client that shows none, by TLS 1.3,
// where the refusal comes after the handshake, and by TLS 1.2.
func TestHTTPSClientCertificateIsWanted(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := httptest.NewUnstartedServer(site())
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}
		s.StartTLS()
		t.Cleanup(s.Close)
		err := attempt(t, s.URL+"/ok#insecure-skip-tls-verify")
		checkVerdict(t, err, notYet, "the server refused the handshake")
		if !strings.Contains(probe.Hint(err), "client certificate") {
			t.Errorf("%x: hint %q", version, probe.Hint(err))
		}
	}
}

// httpAnswer is a server that answers every request with a body.
func httpAnswer(body string) simserver.Handler {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	}
}
