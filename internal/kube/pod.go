package kube

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/environ"
	"github.com/inith/inith/internal/tlsconfig"
)

// tokenFile is where a Pod has the token of its service account, with the CA and the namespace beside it.
const tokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// A pod is what a Pod knows of its cluster.
type pod struct {
	host, port string
	tokenFile  string
	loader     tlsconfig.Loader
}

// newPod returns nil outside a cluster.
func newPod(c Config) *pod {
	p := &pod{
		host: environ.Get(c.Env, "KUBERNETES_SERVICE_HOST"), port: environ.Get(c.Env, "KUBERNETES_SERVICE_PORT"),
		tokenFile: cmp.Or(c.TokenFile, tokenFile),
	}
	if p.host == "" || p.port == "" {
		return nil
	}
	c.TLS.CAFile = cmp.Or(c.TLS.CAFile, p.beside("ca.crt"))
	p.loader.TLS = c.TLS
	return p
}

// beside returns the path of another file of the service account.
func (p *pod) beside(name string) string { return filepath.Join(filepath.Dir(p.tokenFile), name) }

func (p *pod) server() string { return "https://" + net.JoinHostPort(p.host, p.port) }

func (p *pod) namespace() (string, error) {
	namespace, err := credentials.ReadSecret("namespace file", p.beside("namespace"))
	if err != nil {
		return "", noToken(err)
	}
	return namespace, nil
}

func (p *pod) authorize(_ context.Context, h http.Header) error {
	token, err := credentials.ReadToken("token file", p.tokenFile)
	if err != nil {
		return noToken(err)
	}
	bear(h, token)
	return nil
}

func (p *pod) connection(context.Context) (*tls.Config, error) { return p.loader.Config(p.host) }
