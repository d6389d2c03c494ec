package source

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

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
	if host := next.URL.Hostname(); host != origin.Hostname() && namesMetadata(host) {
		return Permanent(errMetadata())
	}
	if credentials.Origin(next.URL) != credentials.Origin(origin) {
		stranger(next)
	}
	return nil
}

// readableRedirects refuses answers that lead to what is no URL: for net/http that
// is an error like any other, which another try may clear.
type readableRedirects struct{ byOrigin }

func (t readableRedirects) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.byOrigin.RoundTrip(req)
	if err != nil || resp.StatusCode/100 != 3 {
		return resp, err
	}
	if location := resp.Header.Get("Location"); location != "" {
		resp.Header.Set("Location", escapePercent(location))
	}
	if _, err := resp.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) {
		_ = resp.Body.Close()
		return nil, Permanent(&usererr.Error{Text: "redirected to what is not a URL", Err: err})
	}
	return resp, nil
}

// escapePercent escapes each % in the path of a URL that is not an escape itself: some
// servers send names of files as they are. In a query it may be what a signature is of. A
// fragment is never sent.
func escapePercent(location string) string {
	location, _, _ = strings.Cut(location, "#")
	end := len(location)
	if query := strings.IndexByte(location, '?'); query >= 0 {
		end = query
	}
	start := max(0, strings.IndexByte(location[:end], '/'))
	if rest, ok := strings.CutPrefix(location[start:end], "//"); ok { // a host comes first
		start += len("//") + strings.IndexByte(rest+"/", '/')
	}
	var b strings.Builder
	for i := start; i < end; i++ {
		b.WriteByte(location[i])
		if location[i] == '%' && (i+2 >= end || !isHex(location[i+1]) || !isHex(location[i+2])) {
			b.WriteString("25")
		}
	}
	return location[:start] + b.String() + location[end:]
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

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
