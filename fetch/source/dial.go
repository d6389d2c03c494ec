package source

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

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
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	for i, a := range addresses {
		if isMetadata(a) && !d.isChosen(host) {
			err = Permanent(errMetadata())
			continue
		}
		var conn net.Conn
		if conn, err = dialOne(ctx, network, net.JoinHostPort(a.Unmap().String(), port), len(addresses)-i); err == nil {
			return d.wrap(conn), nil
		}
	}
	return nil, err
}

// dialOne dials an address, of which left are to be tried in the time of ctx.
func dialOne(ctx context.Context, network, address string, left int) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	d := net.Dialer{Timeout: max(time.Second, time.Until(deadline)/time.Duration(left))}
	return d.DialContext(ctx, network, address)
}
