package source

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/inith/inith/internal/dial"
)

// nextAddress is how long an address may take before the next one is tried beside it.
const nextAddress = 250 * time.Millisecond

// A dialer connects to hosts. It spreads connections over the addresses of a name, so
// that one dead or slow front end does not get them all.
type dialer struct {
	wrap func(net.Conn) net.Conn

	mu       sync.Mutex
	chosen   map[string]bool // hosts that the user has named, which may be anywhere
	metadata map[string]bool // whether names lead to where clouds serve credentials
}

func (d *dialer) choose(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chosen[host] = true
}

func (d *dialer) isChosen(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.chosen[host]
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	addresses, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	one := func(ctx context.Context, i int) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(addresses[i].String(), port))
	}
	conn, err := dial.First(ctx, len(addresses), nextAddress, one, func(c net.Conn) { _ = c.Close() })
	if err != nil {
		return nil, err
	}
	return d.wrap(conn), nil
}

// lookup returns the addresses of a host, in an order that differs each time.
func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	all, err := dial.Lookup(ctx, nil, host)
	if err != nil {
		return nil, err
	}
	if !d.isChosen(host) {
		all = slices.DeleteFunc(all, isMetadata)
	}
	if len(all) == 0 {
		return nil, Permanent(errMetadata())
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}
