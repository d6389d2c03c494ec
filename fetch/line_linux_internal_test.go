package fetch

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func wantWindow(t *testing.T, fd, want int) {
	t.Helper()
	if got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP); got != want || err != nil {
		t.Errorf("the kernel has a bound of %d (%v), want %d", got, err, want)
	}
}

// TestLineAsksAndTellsTheKernel has a real connection, whose window is bounded,
// and which is forgotten when it is closed.
func TestLineAsksAndTellsTheKernel(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	dialed, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()

	l := newLine()
	conn := l.add(dialed)
	if _, err := server.Write(make([]byte, 10000)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	l.received(0, start)
	for c := range l.conns {
		c.look()
	}
	if l.trip <= 0 || l.trip > time.Second || l.came.all < 1 {
		t.Errorf("a round trip of %v and %+v came, want what the kernel knows", l.trip, l.came)
	}

	l.trip = 50 * time.Millisecond
	l.bytes = 1 << 20
	l.judge(start.Add(l.trip))
	if l.window != 2<<20 {
		t.Errorf("a window of %d bytes, want twice what came", l.window)
	}
	for c := range l.conns {
		c.control(func(fd int) { wantWindow(t, fd, l.window) })
		c.offer(8 << 20)
	}
	other := l.add(dialed) // as a new one, when the line is known
	for c := range l.conns {
		c.control(func(fd int) { wantWindow(t, fd, l.window) })
	}
	_ = other.Close()
	_ = conn.Close()
	if len(l.conns) != 0 {
		t.Errorf("%d connections are left after they were closed", len(l.conns))
	}
}
