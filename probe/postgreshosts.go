package probe

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inith/inith/internal/dial"
)

// hostDelay is when the next host is asked while the one before has not answered: a login takes some round trips.
const hostDelay = 500 * time.Millisecond

// A postgresHost is one of the servers that a URL names.
type postgresHost struct {
	name, port string // as the URL has them
	address    string // of several that the name has, "" for any
	attrs      string // instead of target_session_attrs, "" for that
}

// anyHost asks the hosts of the URL, of which one that is ready is enough, as for libpq.
func (p *postgres) anyHost(ctx context.Context, ask func(context.Context, postgresHost) error) error {
	hosts, err := p.hosts(ctx)
	if err != nil {
		return err
	}
	return anyOf(ctx, hosts, ask)
}

// anyOf asks hosts, each as soon as the one before has failed, or has not answered for a while. One that is ready is enough.
func anyOf[H any](ctx context.Context, hosts []H, ask func(context.Context, H) error) error {
	if len(hosts) == 1 {
		return ask(ctx, hosts[0])
	}
	type nothing struct{}
	_, err := dial.First(ctx, len(hosts), hostDelay, func(ctx context.Context, i int) (nothing, error) {
		return nothing{}, ask(ctx, hosts[i])
	}, func(nothing) {})
	return err
}

// hosts returns the hosts of the URL. Where a role is asked for, each address of a name is one, since they are servers of
// different roles; otherwise the dialer selects one that accepts.
func (p *postgres) hosts(ctx context.Context) ([]postgresHost, error) {
	ports := strings.Split(p.settings["port"], ",")
	var hosts []postgresHost
	var failed error
	for i, name := range strings.Split(p.settings["host"], ",") {
		h := postgresHost{name: name, port: ports[min(i, len(ports)-1)]}
		if p.spec.level <= LevelProto || p.settings["target_session_attrs"] == "any" || strings.HasPrefix(name, "/") {
			hosts = append(hosts, h)
			continue
		}
		addresses, err := dial.Lookup(ctx, nil, name)
		if err != nil {
			failed = err
		}
		for _, a := range addresses {
			h.address = a.String()
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil, failed
	}
	return hosts, nil
}

// A postgresWay is what was seen of the connections to one host.
type postgresWay struct {
	last      atomic.Pointer[conn]
	encrypted atomic.Bool
}

// watch has the connections of a config noted.
func (w *postgresWay) watch(c *pgconn.Config) {
	dialed := c.DialFunc
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dialed(ctx, network, address)
		if own, ok := raw.(*conn); ok {
			w.last.Store(own)
		}
		return raw, err
	}
	if c.TLSConfig != nil {
		verify := c.TLSConfig.VerifyConnection
		c.TLSConfig.VerifyConnection = func(s tls.ConnectionState) error {
			w.encrypted.Store(true)
			return verify(s)
		}
	}
}

// answered reports whether the server has sent anything on the last connection.
func (w *postgresWay) answered() bool {
	last := w.last.Load()
	return last != nil && last.heard.Load()
}
