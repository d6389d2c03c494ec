package metrics

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A batch receives many datagrams with one system call, recvmmsg(2).
type batch struct {
	messages [packetBatch]message
	vectors  [packetBatch]unix.Iovec
	buffers  [packetBatch][maxDatagram]byte // only pages that were received into take memory
	received [packetBatch][]byte
}

// A message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.messages {
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(maxDatagram)
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	return b
}

// receive receives the datagrams that there are, without waiting, and returns how many they were.
func (b *batch) receive(fd uintptr) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.messages)), packetBatch, unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // the system call has no wrapper
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// packets returns the first n datagrams. They are valid until more are received.
func (b *batch) packets(n int) [][]byte {
	for i := range n {
		b.received[i] = b.buffers[i][:b.messages[i].length]
	}
	return b.received[:n]
}
