package source

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/inith/inith/internal/tlsconfig"
)

// proxies are those that requests of one transport go through.
type proxies struct {
	*dialer
	choose func(target *url.URL) (*url.URL, error)
	caFile string

	mu     sync.Mutex
	secure map[string]string // names to verify, by the address of an https proxy
}

// proxy returns the proxy for a request. A target that a redirect named may be looked up
// by the proxy: it is checked before.
func (p *proxies) proxy(req *http.Request) (*url.URL, error) {
	proxy, err := p.choose(req.URL)
	if err != nil || proxy == nil {
		return nil, err
	}
	p.dialer.choose(proxy.Hostname())
	return p.plain(proxy), p.checkBehindProxy(req.Context(), req.URL.Hostname())
}

// plain returns the URL of an https proxy as that of an http one, to which dial speaks
// TLS: the transport would verify it as if it were the target, by the name that the user
// gave for that, and show it our certificate.
func (p *proxies) plain(proxy *url.URL) *url.URL {
	if proxy.Scheme != "https" {
		return proxy
	}
	u := *proxy
	u.Scheme, u.Host = "http", net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "443"))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.secure == nil {
		p.secure = map[string]string{}
	}
	p.secure[u.Host] = u.Hostname()
	return &u
}

func (p *proxies) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dialer.dial(ctx, network, address)
	p.mu.Lock()
	name := p.secure[address]
	p.mu.Unlock()
	if err != nil || name == "" {
		return conn, err
	}
	loader := tlsconfig.Loader{TLS: tlsconfig.TLS{CAFile: p.caFile}}
	config, err := loader.Config(name)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
		defer cancel()
		secured := tls.Client(conn, config)
		if err = secured.HandshakeContext(ctx); err == nil {
			return secured, nil
		}
	}
	_ = conn.Close()
	return nil, err
}
