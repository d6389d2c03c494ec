package faultserver

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// ListenBlackhole listens where no connection comes about any more: the kernel
// drops what comes while its queue is full. The returned function ends it.
func ListenBlackhole(ctx context.Context, address netip.AddrPort) (stop func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()})
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	var d net.Dialer
	var filler net.Conn
	if err == nil {
		filler, err = d.DialContext(ctx, "tcp", address.String())
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	// A second close could hit another file that has got the number meanwhile.
	return sync.OnceFunc(func() {
		_ = filler.Close()
		_ = unix.Close(fd)
	}), nil
}
