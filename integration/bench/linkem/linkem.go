// Package linkem emulates a line between two network namespaces in user space,
// for kernels without tc netem: a TUN device in each, opened with [Open], and
// [Link.Forward] between them. Each direction has a rate, a queue that drops
// what it cannot hold, a delay, and a loss by chance of single segments: frames
// with many of them are split around those lost.
package linkem

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Line is what each direction does to what passes.
type Line struct {
	Rate  float64       // bytes a second, with Ethernet's headers; more than zero
	Delay time.Duration // one way
	Loss  float64       // share of the segments that are lost
	Queue int64         // bytes that wait for the rate before more are dropped
}

// Counts are what passed in a direction, in segments.
type Counts struct{ Sent, Lost, Dropped int64 }

func (c Counts) String() string {
	return fmt.Sprintf("%d segments passed, %d lost by chance, %d dropped by the full queue", c.Sent, c.Lost, c.Dropped)
}

// A Link is a line in both directions.
type Link struct {
	line     Line
	up, down counters
}

type counters struct{ sent, lost, dropped atomic.Int64 }

func (c *counters) read() Counts { return Counts{c.sent.Load(), c.lost.Load(), c.dropped.Load()} }

// New returns a link that forwards nothing yet.
func New(l Line) *Link { return &Link{line: l} }

// Up returns what passed from the first device to the second, Down the reverse.
func (l *Link) Up() Counts { return l.up.read() }

// Down returns what passed from the second device to the first.
func (l *Link) Down() Counts { return l.down.read() }

// Forward forwards between two devices until one of them fails. Its threads are
// a process's to end: a read of a TUN device cannot be interrupted.
func (l *Link) Forward(a, b *os.File) error {
	failed := make(chan error, 2)
	go func() { failed <- newDirection(l.line, a, b, &l.up).run() }()
	go func() { failed <- newDirection(l.line, b, a, &l.down).run() }()
	return <-failed
}

// Open makes a TUN device in the network namespace of the calling thread. It
// lasts as long as the file is open, in this process or a child. The kernel
// leaves it the splitting of TCP streams and the checksums.
func Open(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	request, err := unix.NewIfreq(name)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	size := int32(headerLen)
	for _, step := range []func() error{
		func() error { return unix.IoctlIfreq(fd, unix.TUNSETIFF, request) },
		func() error {
			return ioctl(fd, unix.TUNSETVNETHDRSZ, uintptr(unsafe.Pointer(&size))) //nolint:gosec // the ioctl takes a pointer
		},
		func() error { return ioctl(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4) },
	} {
		if err := step(); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("make the device %s: %w", name, err)
		}
	}
	return f, nil
}
