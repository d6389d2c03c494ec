package migrate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// accountToken is where a Pod has the token of its service account, with the CA and
// the namespace beside it.
const accountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// maxObject bounds an answer, in bytes: etcd has no larger objects.
const maxObject = 2 << 20

// What the API server says that its caller can do something about.
var (
	errNotFound = errors.New("not found")
	errConflict = errors.New("somebody else has changed it")
)

// An apiServer is that of the cluster that our Pod runs in:
// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
type apiServer struct {
	host, port string
	tokenFile  string // read for each request, since it is replaced every hour
	client     http.Client
}

// newAPIServer finds the server by the variables that each Pod has.
func newAPIServer(env []string, tokenFile string, t tlsconfig.TLS) *apiServer {
	a := &apiServer{tokenFile: cmp.Or(tokenFile, accountToken)}
	a.host, _ = lookup(env, "KUBERNETES_SERVICE_HOST")
	a.port, _ = lookup(env, "KUBERNETES_SERVICE_PORT")
	t.CAFile = cmp.Or(t.CAFile, a.beside("ca.crt"))
	loader := &tlsconfig.Loader{TLS: t}
	a.client = http.Client{
		Transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			config, err := loader.Config(a.host)
			if err != nil {
				return nil, err
			}
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for nobody else
	}
	return a
}

// beside returns the path of another file of the service account.
func (a *apiServer) beside(name string) string { return filepath.Join(filepath.Dir(a.tokenFile), name) }

// namespace is that of our Pod.
func (a *apiServer) namespace() (string, error) {
	return credentials.ReadSecret("namespace file", a.beside("namespace"))
}

// do sends in, unless it is nil, and reads out. An answer that is no success is an
// error, such as errNotFound and errConflict.
func (a *apiServer) do(ctx context.Context, method, path string, in, out any) error {
	if a.host == "" || a.port == "" {
		return &RefusedError{Err: &usererr.Error{Text: "KUBERNETES_SERVICE_HOST or _PORT is not set", Hint: "a Lease is a lock for commands that run in a Pod"}}
	}
	token, err := credentials.ReadSecret("token file", a.tokenFile)
	if err != nil {
		return err
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+net.JoinHostPort(a.host, a.port)+path, bytes.NewReader(body))
	if err != nil {
		return errors.New("KUBERNETES_SERVICE_HOST and _PORT are no address")
	}
	req.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"inith"},
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return explainRequest(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := explainStatus(method, resp.StatusCode); err != nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxObject)) // so that the connection is used again
		return err
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxObject)).Decode(out); err != nil {
		return explainRequest(ctx, err)
	}
	return nil
}

// explainRequest says why there is no answer.
func explainRequest(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*usererr.Error](err); ok { // a file of the service account
		return known
	}
	if r := usererr.Connection(err); r != nil {
		return r
	}
	if ctx.Err() != nil {
		return &usererr.Error{Text: "the API server does not answer in time", Hint: "it is overloaded, or a NetworkPolicy keeps this Pod from it", Err: err}
	}
	return &usererr.Error{Text: "the API server's answer was cut off, or is none", Err: err}
}

// explainStatus returns nil for success. What the server says beside its status may
// quote anything.
func explainStatus(method string, status int) error {
	switch {
	case status < 300:
		return nil
	case status == http.StatusNotFound:
		return errNotFound
	case status == http.StatusConflict:
		return errConflict
	case status == http.StatusUnauthorized:
		return &RefusedError{Err: &usererr.Error{Text: "the API server does not accept the token (status 401)", Hint: "was the service account made anew since the Pod was?"}}
	case status == http.StatusForbidden:
		verb := strings.NewReplacer("GET", "get", "POST", "create", "PUT", "update").Replace(method)
		return &RefusedError{Err: &usererr.Error{
			Text: fmt.Sprintf("the Pod's service account may not %s leases there (status 403)", verb),
			Hint: "it needs a Role with get, create and update for leases of coordination.k8s.io, and a RoleBinding",
		}}
	case status == http.StatusTooManyRequests:
		return &usererr.Error{Text: "the API server has too much to do (status 429)"}
	case status == http.StatusUnprocessableEntity, status == http.StatusBadRequest:
		return &RefusedError{Err: fmt.Errorf("the API server takes no such Lease (status %d)", status)}
	}
	return fmt.Errorf("the API server answers with status %d", status)
}

// microTime is the API's time with microseconds.
type microTime struct{ time.Time }

const microLayout = "2006-01-02T15:04:05.000000Z07:00"

// MarshalJSON implements [json.Marshaler].
func (t microTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format(microLayout))
}
