// Package kube talks to the API server of the cluster that this Pod runs in, as its service account:
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
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/dial"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// tokenFile is where a Pod has the token of its service account, with the CA and the namespace beside it.
const tokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// maxObject bounds an answer, in bytes: etcd has no larger objects.
const maxObject = 2 << 20

// ErrNotInCluster means that nothing says where the API server is.
var ErrNotInCluster error = &usererr.Error{
	Text: "KUBERNETES_SERVICE_HOST or _PORT is not set",
	Hint: "this works in a Pod only, where Kubernetes sets both",
}

// A Config says how the API server is reached.
type Config struct {
	Env       []string      // of a Pod, which has KUBERNETES_SERVICE_HOST and _PORT
	TokenFile string        // read for each request, since it is replaced every hour; "": the service account's
	TLS       tlsconfig.TLS // without a CA file, the service account's

	// Transport replaces the network, for tests; nil: TLS.
	Transport http.RoundTripper
}

// A Client makes requests, each of which is bounded by its context only.
type Client struct {
	host, port string
	tokenFile  string
	http       http.Client
}

// New returns a client. It touches neither network nor files.
func New(c Config) *Client {
	k := &Client{
		host: variable(c.Env, "KUBERNETES_SERVICE_HOST"), port: variable(c.Env, "KUBERNETES_SERVICE_PORT"),
		tokenFile: cmp.Or(c.TokenFile, tokenFile),
	}
	c.TLS.CAFile = cmp.Or(c.TLS.CAFile, k.beside("ca.crt"))
	k.http = http.Client{
		Transport:     cmp.Or[http.RoundTripper](c.Transport, k.transport(c.TLS)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this server only
	}
	return k
}

func (k *Client) transport(t tlsconfig.TLS) *http.Transport {
	loader := &tlsconfig.Loader{TLS: t}
	return &http.Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		config, err := loader.Config(k.host)
		if err != nil {
			return nil, err
		}
		raw, err := (&dial.Dialer{}).DialContext(ctx, network, address)
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

// variable returns the last value of an environment variable, as execve(2) passes it.
func variable(env []string, name string) (value string) {
	for _, pair := range env {
		if v, found := strings.CutPrefix(pair, name+"="); found {
			value = v
		}
	}
	return value
}

// beside returns the path of another file of the service account.
func (k *Client) beside(name string) string { return filepath.Join(filepath.Dir(k.tokenFile), name) }

// Namespace returns the namespace of this Pod.
func (k *Client) Namespace() (string, error) {
	if !k.inCluster() {
		return "", ErrNotInCluster
	}
	namespace, err := credentials.ReadSecret("namespace file", k.beside("namespace"))
	if err != nil {
		return "", noToken(err)
	}
	return namespace, nil
}

func (k *Client) inCluster() bool { return k.host != "" && k.port != "" }

// Close closes the connections that no request uses.
func (k *Client) Close() { k.http.CloseIdleConnections() }

// Get reads an object.
func (k *Client) Get(ctx context.Context, o Object, out any) error {
	return k.do(ctx, http.MethodGet, "get", o, nil, out)
}

// Create creates an object from in, and reads what the server made of it.
func (k *Client) Create(ctx context.Context, o Object, in, out any) error {
	return k.do(ctx, http.MethodPost, "create", o, in, out)
}

// Update replaces an object by in, if it still has the resourceVersion of in. It reads what the server made of it.
func (k *Client) Update(ctx context.Context, o Object, in, out any) error {
	return k.do(ctx, http.MethodPut, "update", o, in, out)
}

// do sends in, unless it is nil, and reads out. An answer that is no success is a [*StatusError].
func (k *Client) do(ctx context.Context, method, verb string, o Object, in, out any) error {
	req, err := k.request(ctx, method, o.path(method), in)
	if err != nil {
		return err
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusMultipleChoices {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxObject)) // so that the connection is used again
		return &StatusError{Status: resp.StatusCode, Verb: verb, Resource: o.Resource}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxObject)).Decode(out); err != nil {
		return explain(ctx, err)
	}
	return nil
}

func (k *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	if !k.inCluster() {
		return nil, ErrNotInCluster
	}
	token, err := credentials.ReadToken("token file", k.tokenFile)
	if err != nil {
		return nil, noToken(err)
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+net.JoinHostPort(k.host, k.port)+path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("KUBERNETES_SERVICE_HOST and _PORT are not an address")
	}
	req.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Accept": {"application/json"},
		"Content-Type": {"application/json"}, "User-Agent": {"inith"},
	}
	return req, nil
}
