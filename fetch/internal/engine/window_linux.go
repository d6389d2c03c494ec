package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// look asks the kernel about a connection (tcp(7)).
func (c *windowConn) look() {
	c.control(func(fd int) {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			came := tcpSegments{int64(info.Data_segs_in), int64(info.Rcv_ooopack)}
			c.counted(came, time.Duration(info.Min_rtt)*time.Microsecond)
		}
	})
}

// offer bounds the window that a connection offers its sender. The kernel lifts
// the bound when it enlarges the buffer, so this is done at every look.
func (c *windowConn) offer(window int) {
	c.control(func(fd int) {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, window)
	})
}

// control calls f with the descriptor, unless the connection is closed.
func (c *windowConn) control(f func(fd int)) {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
