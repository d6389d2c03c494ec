package source

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/usererr"
)

// redirect decides whether to follow. What is meant for one origin is taken from
// requests to another; Go itself keeps custom headers, and puts the old URL with
// its query into Referer.
func redirect(origin *url.URL, next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer")
	last := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return Permanent(&usererr.Error{Text: fmt.Sprintf("more than %d redirects", maxRedirects)})
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return Permanent(&usererr.Error{Text: "redirected to what is not HTTP"})
	case last.Scheme == "https" && next.URL.Scheme == "http":
		return Permanent(&usererr.Error{Text: "redirected from https to http, where anybody could change the bytes"})
	}
	if a, err := netip.ParseAddr(next.URL.Hostname()); err == nil && linkLocal(a) && next.URL.Hostname() != origin.Hostname() {
		return Permanent(errLinkLocal())
	}
	if credentials.Origin(next.URL) != credentials.Origin(origin) {
		stranger(next)
	}
	return nil
}

// readableRedirects refuses answers that lead to what is no URL: for net/http that
// is an error like any other, which another try may clear.
type readableRedirects struct{ *http.Transport }

func (t readableRedirects) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(req)
	if err != nil || resp.StatusCode/100 != 3 {
		return resp, err
	}
	if _, err := resp.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) {
		_ = resp.Body.Close()
		return nil, Permanent(&usererr.Error{Text: "redirected to what is not a URL", Err: err})
	}
	return resp, nil
}

// stranger leaves in a request only what may go to any server.
func stranger(req *http.Request) {
	kept := http.Header{}
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Range", "If-Range", "If-None-Match"} {
		if v := req.Header.Get(name); v != "" {
			kept.Set(name, v)
		}
	}
	req.Header, req.Host = kept, ""
}
