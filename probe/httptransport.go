package probe

import (
	"fmt"
	nethttp "net/http"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

const (
	maxHeader    = 64 << 10 // bytes
	maxRedirects = 10
)

func (h *http) transport() (*nethttp.Transport, error) {
	t := &nethttp.Transport{DialContext: h.spec.dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader, Protocols: new(nethttp.Protocols)}
	t.Protocols.SetHTTP1(!h.h2c)
	t.Protocols.SetUnencryptedHTTP2(h.h2c)
	t.Protocols.SetHTTP2(!h.h2c)
	if h.spec.proxy != nil {
		t.Proxy = nethttp.ProxyURL(h.spec.proxy)
	}
	if h.url.Scheme == "https" {
		return t, h.addTLS(t)
	}
	return t, nil
}

// addTLS loads the certificate authorities, which http needs only where it is
// redirected to https.
func (h *http) addTLS(t *nethttp.Transport) error {
	config, err := h.tls.Config("")
	if err != nil {
		return err
	}
	t.TLSClientConfig = h.spec.dialer.watch(config)
	return nil
}

// redirect follows on the same host only, never from https to http, and takes
// what is meant for one origin from a request to another.
func (h *http) redirect(t *nethttp.Transport, next *nethttp.Request, via []*nethttp.Request) error {
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
	if next.URL.Scheme == "https" && t.TLSClientConfig == nil {
		return h.addTLS(t)
	}
	return nil
}
