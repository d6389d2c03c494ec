package probe

import (
	"fmt"
	nethttp "net/http"
	"net/http/httptrace"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

const (
	maxHeader    = 64 << 10 // bytes
	maxRedirects = 10
)

// A hop is one request and its answer: an attempt has one, and another for each
// redirect. It has a transport for http and one for https.
type hop struct {
	http          *http
	plain, secure *nethttp.Transport // nil until needed
	tries         int                // of this request
}

// RoundTrip implements [nethttp.RoundTripper].
func (p *hop) RoundTrip(req *nethttp.Request) (*nethttp.Response, error) {
	t, err := p.transport(req.URL.Scheme)
	if err != nil {
		return nil, err
	}
	p.tries = 0
	trace := &httptrace.ClientTrace{GetConn: p.begin}
	return t.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
}

// begin is called before each try of a request. The library repeats HTTP/2 requests by
// itself, without end if the server closes each connection: a second try ends the
// attempt, so that it is one exchange.
func (p *hop) begin(string) {
	p.tries++
	if p.tries > 1 {
		p.http.spec.dialer.end()
	}
}

// transport returns the transport for a scheme. It loads the TLS files at the first
// request by https, which with http may be that of a redirect.
func (p *hop) transport(scheme string) (*nethttp.Transport, error) {
	if scheme != "https" {
		if p.plain == nil {
			p.plain = p.http.transport()
		}
		return p.plain, nil
	}
	if p.secure != nil {
		return p.secure, nil
	}
	config, err := p.http.tls.Config("")
	if err != nil {
		return nil, err
	}
	p.secure = p.http.transport()
	p.secure.TLSClientConfig = p.http.spec.dialer.watch(config)
	return p.secure, nil
}

// close closes the connections.
func (p *hop) close() {
	for _, t := range []*nethttp.Transport{p.plain, p.secure} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
}

func (h *http) transport() *nethttp.Transport {
	t := &nethttp.Transport{
		DialContext: h.spec.dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader, Protocols: new(nethttp.Protocols),
	}
	t.Protocols.SetHTTP1(!h.h2c)
	t.Protocols.SetUnencryptedHTTP2(h.h2c)
	t.Protocols.SetHTTP2(!h.h2c)
	if h.spec.proxy != nil {
		t.Proxy = nethttp.ProxyURL(h.spec.proxy)
	}
	return t
}

// redirect follows on the same host only, never from https to http, and takes
// what is meant for one origin from a request to another.
func (h *http) redirect(next *nethttp.Request, via []*nethttp.Request) error {
	next.Header.Del("Referer")
	downgrade := via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme == "http"
	if next.URL.Hostname() != h.url.Hostname() || downgrade {
		return nethttp.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return &usererr.Error{Text: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	if credentials.Origin(next.URL) != credentials.Origin(h.url) {
		clear(next.Header)
		next.Header.Set("User-Agent", userAgent)
	}
	return nil
}
