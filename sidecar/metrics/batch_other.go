//go:build !linux

package metrics

import "golang.org/x/sys/unix"

// A batch receives one datagram at a time where the kernel has no call for more.
type batch struct {
	buffer   [maxDatagram]byte
	received [1][]byte
}

func newBatch() *batch { return &batch{} }

func (b *batch) receive(fd uintptr) (int, error) {
	n, _, err := unix.Recvfrom(int(fd), b.buffer[:], unix.MSG_DONTWAIT)
	if err != nil {
		return 0, err
	}
	b.received[0] = b.buffer[:n]
	return 1, nil
}

func (b *batch) packets(n int) [][]byte { return b.received[:n] }
