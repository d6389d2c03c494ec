package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

const (
	maxBody      = 1 << 20  // bytes that the body pattern is matched against
	maxHeader    = 64 << 10 // bytes
	maxRedirects = 10
	userAgent    = "inith"
)

func httpKeys() []string {
	return []string{"status", "body", "method", "header-file", "password-file", "h2c"}
}

func httpStateKeys() []string { return []string{"status", "body"} }

// web speaks HTTP/1.1, HTTP/2 over TLS, and with h2c HTTP/2 in the clear (RFC
// 9113, prior knowledge). Each attempt is a connection of its own: a kept one
// would hide a rolling update behind a load balancer.
type web struct {
	spec   *spec
	tls    tlsconfig.Loader
	url    *url.URL // without user and fragment
	method string
	status statusSet
	body   *regexp.Regexp // nil: any
	h2c    bool
}

func newHTTP(s *spec) (Prober, error) {
	if s.url.Hostname() == "" {
		return nil, errors.New("missing host")
	}
	u := *s.url
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	u.Host = strings.TrimSuffix(u.Host, ":"+s.kind.port) // as others write the Host header
	w := &web{spec: s, tls: tlsconfig.Loader{TLS: s.tls}, url: &u, method: cmp.Or(s.keys["method"], http.MethodGet)}
	var err error
	if w.status, err = parseStatus(cmp.Or(s.keys["status"], "200-399")); err != nil {
		return nil, err
	}
	if pattern, ok := s.keys["body"]; ok {
		if w.body, err = regexp.Compile(pattern); err != nil {
			return nil, errors.New(`fragment key "body": not a regular expression (RE2 syntax)`)
		}
	}
	if w.h2c, err = s.bool("h2c"); err != nil {
		return nil, err
	}
	if w.h2c && s.kind.Name != "http" {
		return nil, errors.New("h2c is HTTP/2 without TLS: it belongs to http")
	}
	if w.method == http.MethodHead && w.body != nil {
		return nil, errors.New("an answer to HEAD has no body to match")
	}
	if strings.Trim(w.method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, errors.New(`fragment key "method": not a method such as GET or HEAD`)
	}
	if s.level == LevelTCP {
		return newTCP(s)
	}
	return w, nil
}

func (w *web) Probe(ctx context.Context) error {
	req, err := w.request(ctx)
	if err != nil {
		return err
	}
	transport, err := w.transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		return w.redirect(transport, next, via)
	}}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return w.judge(resp)
}

func (w *web) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, w.method, w.url.String(), http.NoBody)
	if err != nil {
		return nil, Permanent(&usererr.Error{Text: "not a request that can be sent", Err: err})
	}
	req.Header.Set("User-Agent", userAgent)
	if name, ok := w.spec.keys["header-file"]; ok {
		header, err := credentials.ReadHeaders(name)
		if err != nil {
			return nil, err
		}
		maps.Copy(req.Header, header)
		if host := header.Get("Host"); host != "" {
			req.Host = host
		}
	}
	if w.spec.url.User != nil {
		password, err := w.spec.password()
		if err != nil {
			return nil, err
		}
		req.SetBasicAuth(w.spec.url.User.Username(), password)
	}
	return req, nil
}

func (w *web) transport() (*http.Transport, error) {
	t := &http.Transport{DialContext: w.spec.dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(!w.h2c)
	t.Protocols.SetUnencryptedHTTP2(w.h2c)
	t.Protocols.SetHTTP2(!w.h2c)
	if w.spec.proxy != nil {
		t.Proxy = http.ProxyURL(w.spec.proxy)
	}
	if w.url.Scheme == "https" {
		return t, w.addTLS(t)
	}
	return t, nil
}

// addTLS loads the certificate authorities, which http needs only where it is
// redirected to https.
func (w *web) addTLS(t *http.Transport) error {
	config, err := w.tls.Config("")
	if err != nil {
		return err
	}
	t.TLSClientConfig = w.spec.dialer.watch(config)
	return nil
}

// redirect follows on the same host only, never from https to http, and takes
// what is meant for one origin from a request to another.
func (w *web) redirect(t *http.Transport, next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer")
	downgrade := via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme == "http"
	if next.URL.Hostname() != w.url.Hostname() || downgrade {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return &usererr.Error{Text: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	if credentials.Origin(next.URL) != credentials.Origin(w.url) {
		clear(next.Header)
		next.Header.Set("User-Agent", userAgent)
	}
	if next.URL.Scheme == "https" && t.TLSClientConfig == nil {
		return w.addTLS(t)
	}
	return nil
}

// judge decides on an answer.
func (w *web) judge(resp *http.Response) error {
	refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	switch {
	case w.spec.level == LevelProto:
		return nil
	case w.spec.level == LevelAuth && refused:
		return Rejected(statusReason(resp, "credentials refused"))
	case w.spec.level == LevelAuth:
		return nil
	case !w.status.has(resp.StatusCode) && refused && w.hasCredentials():
		return Rejected(statusReason(resp, "credentials refused"))
	case !w.status.has(resp.StatusCode):
		return statusReason(resp, "want "+w.status.String())
	default:
		return w.judgeBody(resp)
	}
}

func (w *web) hasCredentials() bool {
	return w.spec.url.User != nil || w.spec.keys["header-file"] != ""
}

func statusReason(resp *http.Response, what string) *usererr.Error {
	r := &usererr.Error{Text: fmt.Sprintf("answered status %d, %s", resp.StatusCode, what)}
	switch resp.StatusCode {
	case http.StatusNotFound:
		r.Hint = "is the path right?"
	case http.StatusUnauthorized, http.StatusForbidden:
		r.Hint = "#header-file= or user@host with #password-file= give credentials"
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		r.Hint = "the server is not ready, or a proxy has no ready backend"
	}
	return r
}

func (w *web) judgeBody(resp *http.Response) error {
	if w.body == nil {
		return nil // it may be a stream
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return err
	}
	if !w.body.Match(body) {
		return &usererr.Error{Text: fmt.Sprintf("answered status %d, but the body (%d bytes) does not match", resp.StatusCode, len(body))}
	}
	return nil
}

// A statusSet is a list of status codes, as ranges.
type statusSet [][2]int

// parseStatus reads a list such as 204 or 200-299,401.
func parseStatus(s string) (statusSet, error) {
	var set statusSet
	for part := range strings.SplitSeq(s, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 != nil || err2 != nil || from < 100 || to > 599 || from > to {
			return nil, errors.New(`fragment key "status": not a list of status codes such as 204 or 200-299,401`)
		}
		set = append(set, [2]int{from, to})
	}
	return set, nil
}

func (s statusSet) has(code int) bool {
	for _, r := range s {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}

// String returns the list as parseStatus reads it.
func (s statusSet) String() string {
	var parts []string
	for _, r := range s {
		part := strconv.Itoa(r[0])
		if r[1] != r[0] {
			part += "-" + strconv.Itoa(r[1])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}
