package linkem

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	smallFrame = 2 << 10 // most frames are acknowledgements, or one segment
	underWay   = 1 << 17 // frames at most
	tooShort   = 2 * time.Microsecond
)

// A direction forwards from one device to another.
type direction struct {
	line       Line
	in, out    *os.File
	counts     *counters
	chance     *rand.Rand
	departed   int64 // when the last frame has left the bottleneck
	queue      chan *packet
	small, big sync.Pool // of *packet: with one size, a queue of acknowledgements would take gigabytes
}

// A packet is a frame on its way.
type packet struct {
	buf  []byte
	n    int
	at   int64 // when it arrives
	pool *sync.Pool
}

func newDirection(l Line, in, out *os.File, c *counters) *direction {
	d := &direction{line: l, in: in, out: out, counts: c, chance: rand.New(rand.NewPCG(42, 0)), queue: make(chan *packet, underWay)}
	d.small.New = func() any { return &packet{buf: make([]byte, smallFrame), pool: &d.small} }
	d.big.New = func() any { return &packet{buf: make([]byte, maxFrame), pool: &d.big} }
	return d
}

// run reads frames, and has them written when they are due.
func (d *direction) run() error {
	go d.deliver()
	defer close(d.queue)
	runtime.LockOSThread() // one thread at work wakes up sooner than any of many
	buf := make([]byte, maxFrame)
	for {
		n, err := d.in.Read(buf)
		if err != nil {
			return fmt.Errorf("read %s: %w", d.in.Name(), err)
		}
		if f, ok := parse(buf[:n]); ok {
			d.pass(f)
		}
	}
}

// pass sends a frame on, or what is left of it.
func (d *direction) pass(f frame) {
	now := monotonic()
	d.departed = max(d.departed, now)
	if float64(d.departed-now)*d.line.Rate/1e9 > float64(d.line.Queue) {
		d.counts.dropped.Add(int64(f.segments))
		return
	}
	d.departed += int64(float64(f.wire()) / d.line.Rate * 1e9)
	d.counts.sent.Add(int64(f.segments))
	at := d.departed + int64(d.line.Delay)
	rest, lost := f.without(func() bool { return d.line.Loss > 0 && d.chance.Float64() < d.line.Loss })
	if lost == 0 {
		d.send(f.b, at)
		return
	}
	d.counts.lost.Add(int64(lost))
	for _, b := range rest {
		d.send(b, at)
	}
}

func (d *direction) send(b []byte, at int64) {
	pool := &d.big
	if len(b) <= smallFrame {
		pool = &d.small
	}
	p, ok := pool.Get().(*packet)
	if !ok {
		return // the pools hold nothing else
	}
	p.n, p.at = copy(p.buf, b), at
	d.queue <- p
}

// deliver writes each packet when it is due. A device that refuses one, since
// it goes down, loses it.
func (d *direction) deliver() {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // nanoseconds
	for p := range d.queue {
		if wait := p.at - monotonic(); wait > int64(tooShort) {
			due := unix.NsecToTimespec(p.at)
			_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &due, nil)
		}
		_, _ = d.out.Write(p.buf[:p.n])
		p.pool.Put(p)
	}
}

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

func ioctl(fd int, request uint, arg uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), arg); errno != 0 {
		return errno
	}
	return nil
}
