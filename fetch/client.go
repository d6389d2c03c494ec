package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

const (
	dialTimeout  = 10 * time.Second
	tlsTimeout   = 10 * time.Second
	maxRedirects = 10
	maxHeader    = 64 << 10 // bytes
	bufferSize   = 128 << 10
)

// client returns a client for what begins at an origin. It retries a request
// until it has headers, twice, and tells retrying why: what comes after that, and
// what takes longer, is the engine's.
func (f *Fetcher) client(origin *url.URL, retrying func(error)) (*retryablehttp.Client, error) {
	h, err := f.plainClient(origin)
	if err != nil {
		return nil, err
	}
	return &retryablehttp.Client{
		HTTPClient: h, RetryMax: 2, RetryWaitMin: 100 * time.Millisecond, RetryWaitMax: time.Second,
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			return checkRetry(ctx, resp, err, retrying)
		},
		Backoff: jitteredBackoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}, nil
}

// plainClient returns the client of an origin. All files of the origin share its
// connections.
func (f *Fetcher) plainClient(origin *url.URL) (*http.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := credentials.Origin(origin)
	if c := f.clients[name]; c != nil {
		return c, nil
	}
	transport, err := f.transport(origin, f.hostLocked(name).line)
	if err != nil {
		return nil, err
	}
	if f.clients == nil {
		f.clients = map[string]*http.Client{}
	}
	f.clients[name] = &http.Client{
		Transport:     readableRedirects{transport},
		CheckRedirect: func(next *http.Request, via []*http.Request) error { return redirect(origin, next, via) },
	}
	return f.clients[name], nil
}

// checkRetry leaves to the engine what needs more than a second try: servers that
// want fewer requests, and what is permanent. Retrying is told of the others.
func checkRetry(ctx context.Context, resp *http.Response, err error, retrying func(error)) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	var cause error
	if err != nil {
		cause = explain(err)
	} else {
		cause = statusError(resp)
	}
	_, throttled := errors.AsType[*throttleError](cause)
	if cause == nil || throttled || isPermanent(cause) {
		return false, nil
	}
	retrying(cause)
	if err != nil {
		return true, nil //nolint:nilerr // the library has it
	}
	// The library would read the rest, however slowly it comes.
	_ = resp.Body.Close()
	resp.Body = http.NoBody
	return true, nil
}

func jitteredBackoff(low, high time.Duration, attempt int, _ *http.Response) time.Duration {
	d := min(low<<attempt, high)
	return d/2 + rand.N(d)
}

// transport returns a transport of HTTP/1.1: over HTTP/2 all streams would share
// one connection and its losses, at twice the CPU.
func (f *Fetcher) transport(origin *url.URL, l *line) (*http.Transport, error) {
	loader := tlsconfig.Loader{TLS: f.TLS}
	config, err := loader.Config("")
	if err != nil {
		return nil, err
	}
	var proxies sync.Map // the hosts of those in use
	t := &http.Transport{
		DialContext:            dial(l, func(host string) bool { _, proxy := proxies.Load(host); return proxy || host == origin.Hostname() }),
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  cmp.Or(f.HeaderWait, DefaultHeaderWait),
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    f.connections(),
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // Go would ask for gzip and inflate it
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		return statusError(resp)
	}
	if f.Proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) {
			proxy, err := f.Proxy(req.URL)
			if proxy != nil {
				proxies.Store(proxy.Hostname(), true)
			}
			return proxy, err
		}
	}
	return t, nil
}

// dial returns a dial function for a line. It spreads connections over the addresses of a
// name, so that one dead or slow front end does not get them all. Hosts that the
// user has chosen may be anywhere.
func dial(l *line, chosen func(host string) bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
		for i, a := range addresses {
			if linkLocal(a) && !chosen(host) {
				err = permanent(errLinkLocal())
				continue
			}
			var conn net.Conn
			if conn, err = dialOne(ctx, network, net.JoinHostPort(a.Unmap().String(), port), len(addresses)-i); err == nil {
				return l.add(conn), nil
			}
		}
		return nil, err
	}
}

// dialOne dials an address, of which left are to be tried in the time of ctx.
func dialOne(ctx context.Context, network, address string, left int) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	d := net.Dialer{Timeout: max(time.Second, time.Until(deadline)/time.Duration(left))}
	return d.DialContext(ctx, network, address)
}

func linkLocal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLinkLocalUnicast()
}

func errLinkLocal() error {
	return &usererr.Error{
		Text: "redirected to a link-local address, where clouds serve their credentials",
		Hint: "no file is served there: the server, or who controls its answers, is not to be trusted",
	}
}

// redirect decides whether to follow. What is meant for one origin is taken from
// requests to another; Go itself keeps custom headers, and puts the old URL with
// its query into Referer.
func redirect(origin *url.URL, next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer")
	last := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return permanent(&usererr.Error{Text: fmt.Sprintf("more than %d redirects", maxRedirects)})
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return permanent(&usererr.Error{Text: "redirected to what is not HTTP"})
	case last.Scheme == "https" && next.URL.Scheme == "http":
		return permanent(&usererr.Error{Text: "redirected from https to http, where anybody could change the bytes"})
	}
	if a, err := netip.ParseAddr(next.URL.Hostname()); err == nil && linkLocal(a) && next.URL.Hostname() != origin.Hostname() {
		return permanent(errLinkLocal())
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
		return nil, permanent(&usererr.Error{Text: "redirected to what is not a URL", Err: err})
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
