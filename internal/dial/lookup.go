package dial

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// familyDelay is when the two families are asked for one by one: Go's resolver waits for both, and some name servers never
// answer for one of them. It is long enough for servers that are only slow, since each lookup costs the cluster's DNS a query
// for each search domain.
const familyDelay = 500 * time.Millisecond

// Lookup returns the addresses of a host, at least one, the two families in turn. A resolver that is nil is the default
// one.
func Lookup(ctx context.Context, r *net.Resolver, host string) ([]netip.Addr, error) {
	if r == nil {
		r = net.DefaultResolver
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		addresses []netip.Addr
		err       error
	}
	both, single := make(chan answer, 1), make(chan answer, 2)
	ask := func(network string, to chan<- answer) {
		addresses, err := r.LookupNetIP(ctx, network, host)
		to <- answer{addresses, err}
	}
	go ask("ip", both)
	late := time.NewTimer(familyDelay)
	defer late.Stop()
	for {
		select {
		case a := <-both:
			return inTurn(a.addresses), a.err
		case <-late.C:
			go ask("ip4", single)
			go ask("ip6", single)
		case a := <-single:
			if a.err == nil && len(a.addresses) > 0 {
				return inTurn(a.addresses), nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// inTurn returns addresses so that those of the two families alternate, beginning with that of the first.
func inTurn(addresses []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, a := range addresses {
		a = a.Unmap()
		i := 0
		if a.Is4() != addresses[0].Unmap().Is4() {
			i = 1
		}
		families[i] = append(families[i], a)
	}
	var all []netip.Addr
	for len(families[0])+len(families[1]) > 0 {
		for i, f := range families {
			if len(f) > 0 {
				all, families[i] = append(all, f[0]), f[1:]
			}
		}
	}
	return all
}
