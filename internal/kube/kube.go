// Package kube talks to the API server of a cluster: of the one that this Pod runs in, as its service account, or outside
// a cluster, of that in the kubeconfig file, as its user:
// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
//
// What the server says beside its status may quote anything, and is not shown.
package kube

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// maxObject bounds an object in an answer, in bytes: etcd has no larger ones.
const maxObject = 2 << 20

// ErrNotInCluster means that nothing says where the API server is.
var ErrNotInCluster error = &usererr.Error{
	Text: "KUBERNETES_SERVICE_HOST or _PORT is not set, and there is no kubeconfig file",
	Hint: "in a Pod, Kubernetes sets both; elsewhere, set KUBECONFIG to a file that kubectl can use",
}

// A Config says how the API server is reached.
type Config struct {
	Env       []string      // has KUBERNETES_SERVICE_HOST and _PORT in a Pod, KUBECONFIG or HOME elsewhere
	TokenFile string        // read for each request, since it is replaced every hour; "": the service account's
	TLS       tlsconfig.TLS // in a Pod; without a CA file, the service account's

	// Dial opens the connections; nil: a [dial.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transport replaces the network, for tests; nil: TLS.
	Transport http.RoundTripper
}

// A Client makes requests, each of which is bounded by its context only.
type Client struct {
	config Config
	http   http.Client

	mu      sync.Mutex
	cluster cluster // nil until the first request
}

// A cluster is what is known of an API server and of our account there. What it has in files is read again each time.
type cluster interface {
	// server returns the URL, without a slash at its end.
	server() string
	// namespace returns that of objects which name none.
	namespace() (string, error)
	// authorize sets the headers that say whom the next request is from.
	authorize(ctx context.Context, h http.Header) error
	// connection returns the TLS configuration of the next connection.
	connection(ctx context.Context) (*tls.Config, error)
}

// New returns a client. It touches neither network nor files.
func New(c Config) *Client {
	k := &Client{config: c}
	k.http = http.Client{
		Transport:     cmp.Or[http.RoundTripper](c.Transport, k.transport()),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this server only
	}
	return k
}

func (k *Client) transport() *http.Transport {
	open := k.config.Dial
	if open == nil {
		open = (&dial.Dialer{}).DialContext
	}
	return &http.Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := k.find()
		if err != nil {
			return nil, err
		}
		config, err := c.connection(ctx)
		if err != nil {
			return nil, err
		}
		raw, err := open(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return conn, nil
	}}
}

// find returns the cluster of this Pod, else that of the kubeconfig file.
func (k *Client) find() (c cluster, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cluster != nil {
		return k.cluster, nil
	}
	if pod := newPod(k.config); pod != nil {
		k.cluster = pod
		return pod, nil
	}
	outside, err := loadKubeconfig(k.config.Env)
	if err != nil {
		return nil, err
	}
	k.cluster = outside
	return outside, nil
}

// Namespace returns the namespace of this Pod, or of the kubeconfig file.
func (k *Client) Namespace() (string, error) {
	c, err := k.find()
	if err != nil {
		return "", err
	}
	return c.namespace()
}

// Close closes the connections that no request uses.
func (k *Client) Close() { k.http.CloseIdleConnections() }

// Get reads an object.
func (k *Client) Get(ctx context.Context, o Object, out any) error {
	return k.do(ctx, call{http.MethodGet, "get", o.Resource, o.path(http.MethodGet)}, nil, out)
}

// Create creates an object from in, and reads what the server made of it.
func (k *Client) Create(ctx context.Context, o Object, in, out any) error {
	return k.do(ctx, call{http.MethodPost, "create", o.Resource, o.path(http.MethodPost)}, in, out)
}

// Update replaces an object by in, if it still has the resourceVersion of in. It reads what the server made of it.
func (k *Client) Update(ctx context.Context, o Object, in, out any) error {
	return k.do(ctx, call{http.MethodPut, "update", o.Resource, o.path(http.MethodPut)}, in, out)
}

// Patch changes the fields of an object that in has (RFC 7386). It reads what the server made of it.
func (k *Client) Patch(ctx context.Context, o Object, in, out any) error {
	return k.do(ctx, call{http.MethodPatch, "patch", o.Resource, o.path(http.MethodPatch)}, in, out)
}

// A call is a request, and how a Role names it.
type call struct {
	method, verb string
	resource     Resource
	path         string // with the query
}

// do sends in, unless it is nil, and reads out. An answer that is no success is a [*StatusError].
func (k *Client) do(ctx context.Context, c call, in, out any) error {
	body, err := k.send(ctx, c, in)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if err := json.NewDecoder(&meter{r: body, left: maxObject}).Decode(out); err != nil {
		return explain(ctx, err)
	}
	return nil
}

// send returns the body of an answer that is a success.
func (k *Client) send(ctx context.Context, c call, in any) (io.ReadCloser, error) {
	req, err := k.request(ctx, c, in)
	if err != nil {
		return nil, err
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, k.elsewhere(explain(ctx, err))
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxObject)) // so that the connection is used again
		return nil, k.refusal(resp.StatusCode, c.verb, c.resource)
	}
	return resp.Body, nil
}

// refusal is an answer that is no success.
func (k *Client) refusal(status int, verb string, r Resource) *StatusError {
	return &StatusError{Status: status, Verb: verb, Resource: r, user: k.outside()}
}

// outside reports whether a kubeconfig file says where the server is.
func (k *Client) outside() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.cluster.(*outside)
	return ok
}

// elsewhere names the keys of the kubeconfig file where the options for TLS do not apply.
func (k *Client) elsewhere(err error) error {
	e, ok := errors.AsType[*usererr.Error](err)
	if !ok || !k.outside() {
		return err
	}
	keys := strings.NewReplacer("--ca-file", "certificate-authority of the kubeconfig file", "--tls-server-name", "tls-server-name of the kubeconfig file",
		"--cert-file, --key-file", "client-certificate, client-key")
	return &usererr.Error{Text: e.Text, Hint: keys.Replace(e.Hint), Err: e.Err}
}

func (k *Client) request(ctx context.Context, c call, in any) (*http.Request, error) {
	at, err := k.find()
	if err != nil {
		return nil, err
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, c.method, at.server()+c.path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("KUBERNETES_SERVICE_HOST and _PORT are not an address")
	}
	req.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"inith"}}
	if c.method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	return req, at.authorize(ctx, req.Header)
}

// bear sets the token of a request; "" for none.
func bear(h http.Header, token string) {
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
}

// A meter reads at most so many bytes before it is set anew: an object is decoded in memory.
type meter struct {
	r    io.Reader
	left int
}

var errTooLarge = errors.New("an object of the API server is larger than 2 MiB")

func (m *meter) Read(b []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLarge
	}
	n, err := m.r.Read(b[:min(len(b), m.left)])
	m.left -= n
	return n, err
}
