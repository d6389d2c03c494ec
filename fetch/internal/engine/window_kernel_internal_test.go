//go:build linux

package engine

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

// TestWindowInTheKernel has a real connection, whose window is bounded,
// and which is forgotten when it is closed.
func TestWindowInTheKernel(t *testing.T) {
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

	w := newWindow()
	conn := w.add(dialed)
	if _, err := server.Write(make([]byte, 10000)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	w.received(0, start)
	for c := range w.conns {
		c.look()
	}
	if w.trip <= 0 || w.trip > time.Second || w.came.all < 1 {
		t.Errorf("a round trip of %v and %+v came, want what the kernel knows", w.trip, w.came)
	}

	w.trip = 50 * time.Millisecond
	w.bytes = 1 << 20
	w.judge(start.Add(w.trip))
	if w.offered != 2<<20 {
		t.Errorf("a window of %d bytes, want twice what came", w.offered)
	}
	for c := range w.conns {
		c.control(func(fd int) { wantWindow(t, fd, w.offered) })
		c.offer(8 << 20)
	}
	other := w.add(dialed) // as a new one, when the path is known
	for c := range w.conns {
		c.control(func(fd int) { wantWindow(t, fd, w.offered) })
	}
	_ = other.Close()
	_ = conn.Close()
	if len(w.conns) != 0 {
		t.Errorf("%d connections are left after they were closed", len(w.conns))
	}
}
