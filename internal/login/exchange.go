package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A Request is one to a server of credentials. It holds secrets, as the answer does.
type Request struct {
	Who    string   // the server, for errors
	Method string   // "": GET, or POST if there is a form or a body
	URL    string   // https; http to this host, and to others without By
	Form   []string // keys and values
	Header []string // names and values
	Body   string
	By     http.RoundTripper // nil: without a proxy, to a server of this node
	Wait   time.Duration     // the longest
}

// An Answer is one of a server of credentials.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a request, and returns the beginning of the answer. No redirect is followed: it would show a secret to others.
func (r *Request) Send(ctx context.Context) (Answer, error) {
	if err := r.check(); err != nil {
		return Answer{}, err
	}
	req, err := r.request(ctx)
	if err != nil {
		return Answer{}, Final("", "the request to %s is not valid", r.Who)
	}
	a, err := r.exchange(req)
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	default:
		return a, unreached(r.Who, err)
	}
}

// check reports a URL to which no secret may be sent.
func (r *Request) check() error {
	u, err := redact.ParseURL(r.URL)
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, u.Scheme != "https" && u.Scheme != "http":
		return Final("", "the URL of %s is not valid", r.Who)
	case r.By != nil && u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return Final("inith sends secrets by plain HTTP to this host only", "the URL of %s is not an https URL", r.Who)
	default:
		return nil
	}
}

func (r *Request) request(ctx context.Context) (*http.Request, error) {
	body, method := r.Body, r.Method
	if r.Form != nil {
		body = encode(r.Form)
	}
	if method == "" {
		method = http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.Form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(r.Header); i += 2 {
		if !credentials.IsHeaderName(r.Header[i]) || !credentials.IsHeaderValue(r.Header[i+1]) {
			return nil, errors.New("a header that cannot be one")
		}
		req.Header.Set(r.Header[i], r.Header[i+1])
	}
	return req, nil
}

// encode returns keys and values as a form.
func encode(form []string) string {
	var b strings.Builder
	for i, s := range form {
		b.WriteString(url.QueryEscape(s))
		b.WriteByte("=&"[i%2])
	}
	return strings.TrimSuffix(b.String(), "&")
}

func (r *Request) exchange(req *http.Request) (Answer, error) {
	const longest = 64 << 10
	by := r.By
	if by == nil {
		by = direct()
	}
	ctx, cancel := context.WithTimeout(req.Context(), r.Wait)
	defer cancel()
	resp, err := by.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	return Answer{resp.StatusCode, resp.Header, body}, err
}

// Refusal is the error for an answer without credentials. An error of the server itself may be temporary.
func (a Answer) Refusal(who, hint string) error {
	text := fmt.Sprintf("no credentials from %s: it answered status %d", who, a.Status)
	if a.Status >= http.StatusInternalServerError || a.Status == http.StatusTooManyRequests || a.Status == http.StatusGone { // 410: Azure's metadata is updated
		return &usererr.Error{Text: text}
	}
	return Final(hint, "%s", text)
}

// NotUnderstood is the error for an answer that is none.
func NotUnderstood(who string) error {
	return Final("is there a proxy between, or another server?", "the answer of %s is not understood", who)
}

// unreached says that no answer came.
func unreached(who string, err error) error {
	if known := usererr.Connection(err); known != nil {
		return &usererr.Error{Text: "no credentials from " + who + ": " + known.Text, Hint: known.Hint, Err: err}
	}
	return &usererr.Error{Text: "no credentials from " + who + ": no answer in time, or the connection was cut", Err: err}
}

// direct returns the transport to servers of this node: no proxy is between.
func direct() *http.Transport {
	const wait = 2 * time.Second
	return &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: wait, MaxResponseHeaderBytes: 64 << 10}
}

// IsLoopback reports whether a host of a URL is this one: what is sent to it needs no TLS.
func IsLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || host == "localhost"
}
