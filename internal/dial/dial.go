// Package dial connects to hosts that have several addresses. Whichever accepts first is used, so that an address that
// drops packets does not keep another from being reached (RFC 8305, "Happy Eyeballs").
package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// attemptDelay is the time between the beginnings of two attempts to connect, as RFC 8305 recommends in section 5.
const attemptDelay = 250 * time.Millisecond

// A Dialer connects. The zero value is usable.
type Dialer struct {
	Resolver *net.Resolver // nil: the default one
	// Control is called before each connection is opened, as that of [net.Dialer]; nil: not called.
	Control func(network, address string, c syscall.RawConn) error
}

// DialContext connects as [net.Dialer.DialContext] does. Its error is that of the first address that failed.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	one := (&net.Dialer{Control: d.Control}).DialContext
	host, port, err := net.SplitHostPort(address)
	if err != nil || network != "tcp" || isLiteral(host) {
		return one(ctx, network, address)
	}
	addresses, err := Lookup(ctx, d.Resolver, host)
	if err != nil {
		return nil, err
	}
	conn, err := First(ctx, len(addresses), attemptDelay, func(ctx context.Context, i int) (net.Conn, error) {
		return one(ctx, network, net.JoinHostPort(addresses[i].String(), port))
	}, func(conn net.Conn) { _ = conn.Close() })
	return conn, mostTelling(err)
}

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// mostTelling returns the first of joined errors that does not only say that an address family has no route.
func mostTelling(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	all := joined.Unwrap()
	for _, err := range all {
		if !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return err
		}
	}
	return all[0]
}
