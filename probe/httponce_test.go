package probe_test

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
)

// leavesHTTP2 negotiates HTTP/2 by TLS, and ends each connection by GOAWAY (RFC 9113, 6.8) before
// it has processed a request, after which a client may send it by another connection.
func leavesHTTP2(config *tls.Config) simserver.Handler {
	const settings, goAway = 4, 7 // types of frames
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	return func(c net.Conn) {
		secure := tls.Server(c, config)
		_, _ = secure.Write([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0})
		_, _ = io.ReadFull(secure, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
		_, _ = secure.Write(append([]byte{0, 0, 8, goAway, 0, 0, 0, 0, 0}, make([]byte, 8)...))
		simserver.Silent(secure)
	}
}

// refusesStreams answers each request of HTTP/2 by RST_STREAM with REFUSED_STREAM (RFC 9113,
// 6.4), after which a client may send it again, and counts them.
func refusesStreams(requests *atomic.Int32) simserver.Handler {
	const headers, reset, settings = 1, 3, 4 // types of frames
	return func(c net.Conn) {
		_, _ = c.Write([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0})
		preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		if _, err := io.ReadFull(c, preface); err != nil || preface[0] != 'P' {
			return
		}
		for {
			head := make([]byte, 9)
			if _, err := io.ReadFull(c, head); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head)>>8)); err != nil {
				return
			}
			if head[3] == headers {
				requests.Add(1)
				_, _ = c.Write(append([]byte{0, 0, 4, reset, 0}, append(head[5:9:9], 0, 0, 0, 7)...))
			}
		}
	}
}

// naively sends one request, which goes on until the test ends.
func naively(t *testing.T, transport *http.Transport, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if resp, err := transport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
}

// TestHTTPAttemptIsOneConnection has a server end connections of HTTP/2, after which a
// client of the standard library opens the next.
func TestHTTPAttemptIsOneConnection(t *testing.T) {
	t.Parallel()
	site := secureSite(t) // for its certificate
	s := listen(t, leavesHTTP2(&tls.Config{Certificates: site.TLS.Certificates}))
	naively(t, &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}, "https://"+s.Addr())
	for s.Accepted() < 3 {
		<-time.After(time.Millisecond)
	}

	ours := listen(t, leavesHTTP2(&tls.Config{Certificates: site.TLS.Certificates}))
	checkVerdict(t, attempt(t, "https://"+ours.Addr()+"#insecure-skip-tls-verify"), notYet, "closed")
	if n := ours.Accepted(); n != 1 {
		t.Errorf("%d connections in an attempt, want 1", n)
	}
}

// TestHTTPAttemptIsOneRequest has a server refuse requests of HTTP/2 on a connection that
// stays.
func TestHTTPAttemptIsOneRequest(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	address := serve(t, refusesStreams(&requests))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	naively(t, transport, "http://"+address)
	for requests.Load() < 2 {
		<-time.After(time.Millisecond)
	}
	var ours atomic.Int32
	checkVerdict(t, attempt(t, "http://"+serve(t, refusesStreams(&ours))+"#h2c"), notYet, "")
	if n := ours.Load(); n != 1 {
		t.Errorf("%d requests in an attempt, want 1", n)
	}
}

// TestHTTPRedirectedToHTTPS verifies the server that a redirect leads to as the options say.
func TestHTTPRedirectedToHTTPS(t *testing.T) {
	t.Parallel()
	s := secureSite(t)
	plain := httptest.NewServer(http.RedirectHandler(s.URL+"/ok", http.StatusFound))
	t.Cleanup(plain.Close)
	ca := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	for fragment, want := range map[string]struct {
		verdict verdict
		text    string
	}{
		"":                          {notYet, "unknown authority"},
		"#ca-file=" + escape(ca):    {ready, ""},
		"#insecure-skip-tls-verify": {ready, ""},
		"#ca-file=/nonexistent":     {notYet, "does not exist yet"},
		"#tls-server-name=other.example.net&ca-file=" + escape(ca): {notYet, "not for this name"},
	} {
		checkVerdict(t, attempt(t, plain.URL+fragment), want.verdict, want.text)
	}
}
