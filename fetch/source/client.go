package source

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/tlsconfig"
)

const (
	dialTimeout  = 10 * time.Second
	tlsTimeout   = 10 * time.Second
	maxRedirects = 10
	maxHeader    = 64 << 10 // bytes
)

// client returns a client for what begins at an origin. It retries a request
// until it has headers, twice, and tells retrying why: what comes after that, and
// what takes longer, is the engine's.
func (n *Network) client(key clientKey, origin *url.URL, retrying func(error)) (*client, error) {
	h, err := n.plainClient(key, origin)
	if err != nil {
		return nil, err
	}
	return &client{&retryablehttp.Client{
		HTTPClient: h.Client, RetryMax: 2, RetryWaitMin: 100 * time.Millisecond, RetryWaitMax: time.Second,
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			return checkRetry(ctx, resp, err, retrying)
		},
		Backoff: jitteredBackoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}, h.cookies}, nil
}

// A client sends the requests of a file.
type client struct {
	*retryablehttp.Client
	cookies *cookies
}

// A plainClient sends a request once, and follows redirects.
type plainClient struct {
	*http.Client
	cookies *cookies
}

// A clientKey is what all requests of a client have in common.
type clientKey struct {
	origin string
	tls    TLS // of that origin
}

// plainClient returns the client of an origin. All files of the origin share its
// connections.
func (n *Network) plainClient(key clientKey, origin *url.URL) (*plainClient, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.clients[key]; c != nil {
		return c, nil
	}
	own, err := n.transport(origin, key.tls)
	if err != nil {
		return nil, err
	}
	others, err := n.transport(origin, TLS{CAFile: key.tls.CAFile})
	if err != nil {
		return nil, err
	}
	if n.clients == nil {
		n.clients = map[clientKey]*plainClient{}
	}
	c := &plainClient{cookies: &cookies{}}
	c.Client = &http.Client{
		Transport: oneRequest{readableRedirects{byOrigin{key.origin, own, others}}},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if via[0].Context().Value(staysKey{}) != nil {
				return http.ErrUseLastResponse
			}
			err := redirect(origin, next, via)
			c.cookies.learn(via[len(via)-1].URL, next.Response)
			c.cookies.add(next)
			return err
		},
	}
	n.clients[key] = c
	return c, nil
}

// staysKey marks the context of a request that no redirect may take elsewhere.
type staysKey struct{}

// oneRequest sends each request once. A [http.Transport] by itself sends a GET again when a
// connection that was used before ends without an answer, over one connection after another;
// not so what has a body that it cannot read twice. This one is empty.
type oneRequest struct{ http.RoundTripper }

func (t oneRequest) RoundTrip(req *http.Request) (*http.Response, error) {
	once := req.WithContext(req.Context()) // a copy: it is not ours to change
	if once.GetBody = nil; once.Body == nil || once.Body == http.NoBody {
		once.Body = emptyBody{}
	}
	return t.RoundTripper.RoundTrip(once)
}

type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }

// checkRetry leaves to the engine what needs more than a second try: servers that
// want fewer requests, and what is permanent. Retrying is called for the others.
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
	_, throttled := errors.AsType[*ThrottleError](cause)
	if cause == nil || throttled || IsPermanent(cause) {
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
func (n *Network) transport(origin *url.URL, t TLS) (*http.Transport, error) {
	loader := tlsconfig.Loader{TLS: tlsconfig.TLS(t)}
	config, err := loader.Config("")
	if err != nil {
		return nil, err
	}
	d := &dialer{chosen: map[string]bool{origin.Hostname(): true}, wrap: func(c net.Conn) net.Conn { return c }}
	if n.Wrap != nil {
		d.wrap = func(c net.Conn) net.Conn { return n.Wrap(credentials.Origin(origin), c) }
	}
	all := &http.Transport{
		DialContext:            d.dial,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    tlsTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    cmp.Or(n.Connections, DefaultConnections),
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // Go would ask for gzip and inflate it
		Protocols:              new(http.Protocols),
	}
	all.Protocols.SetHTTP1(true)
	all.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		return statusError(resp)
	}
	if n.Proxy != nil {
		p := &proxies{dialer: d, choose: n.Proxy, caFile: n.TLS.CAFile}
		all.Proxy, all.DialContext = p.proxy, p.dial
	}
	return all, nil
}

// byOrigin sends requests to an origin with what the user said of it: the name in its
// certificate, our own certificate, and that it need not be verified. Those that it
// redirects to are verified as any other.
type byOrigin struct {
	origin      string
	own, others *http.Transport
}

func (t byOrigin) RoundTrip(req *http.Request) (*http.Response, error) {
	if credentials.Origin(req.URL) == t.origin {
		return t.own.RoundTrip(req)
	}
	return t.others.RoundTrip(req)
}

func (t byOrigin) CloseIdleConnections() {
	t.own.CloseIdleConnections()
	t.others.CloseIdleConnections()
}
