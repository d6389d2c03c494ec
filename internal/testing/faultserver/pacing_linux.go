package faultserver

import (
	"math"
	"net"

	"golang.org/x/sys/unix"
)

// pacedByKernel lets TCP send so many bytes a second. It reports whether it does:
// other than a throttle, it spaces out packets, not writes.
func pacedByKernel(c net.Conn, rate int64) bool {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, int(min(rate, math.MaxInt32)))
	})
	return err == nil && failed == nil
}
