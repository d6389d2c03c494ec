package engine

import (
	"net"
	"testing"
	"time"
)

// trips makes a path with a round trip of 50 ms, and n connections of which
// nothing is known, and returns what brings bytes in a round trip.
func trips(n int) (w *window, bring func(bytes int)) {
	w = newWindow()
	w.trip = 50 * time.Millisecond
	for range n {
		w.conns[&windowConn{TCPConn: new(net.TCPConn), window: w}] = true
	}
	now := time.Unix(0, 0)
	w.received(0, now)
	return w, func(bytes int) {
		every := w.trip
		if w.flat >= settledAt {
			every = settledTick
			bytes *= int(settledTick / w.trip)
		}
		now = now.Add(every)
		w.received(bytes, now)
	}
}

// TestWindowGrows lets a sender double what it has under way, as slow start does,
// and then bounds it to little more than what the path holds.
func TestWindowGrows(t *testing.T) {
	t.Parallel()
	const holds = 16 << 20
	w, bring := trips(4)
	for bytes := 1 << 20; bytes <= holds; bytes *= 2 {
		bring(bytes)
		if got := 4 * w.offered; got < 2*bytes {
			t.Errorf("after %d bytes in a round trip, %d may be under way, want twice as many", bytes, got)
		}
	}
	for range settledAt {
		bring(holds)
	}
	if got := 4 * w.offered; got != holds*3/2 {
		t.Errorf("%d bytes may be under way on a path that holds %d, want half more", got, holds)
	}
	bring(holds / 4)
	if got := 4 * w.offered; got != holds*3/2 {
		t.Errorf("%d bytes may be under way after a slow round trip, want what was", got)
	}
}

// TestWindowOnLossyPath offers more where tcpSegments get lost.
func TestWindowOnLossyPath(t *testing.T) {
	t.Parallel()
	const holds = 16 << 20
	w, bring := trips(4)
	for range settledAt + 1 {
		bring(holds)
	}
	for c := range w.conns {
		c.counted(tcpSegments{all: 1000, disordered: 10}, 0)
	}
	bring(holds)
	if got := 4 * w.offered; got != holds*3 {
		t.Errorf("%d bytes may be under way on a lossy path that holds %d, want three times as many", got, holds)
	}
	for c := range w.conns {
		c.counted(tcpSegments{all: 2000, disordered: 10}, 0) // none more
	}
	bring(holds)
	if got := 4 * w.offered; got != holds*3/2 {
		t.Errorf("%d bytes may be under way once nothing is lost, want %d", got, holds*3/2)
	}
}

// TestShortPathIsLeftAlone does not bound what has no queue worth it.
func TestShortPathIsLeftAlone(t *testing.T) {
	t.Parallel()
	w, bring := trips(4)
	w.trip = shortTrip / 2
	for range 10 {
		bring(1 << 20)
	}
	if w.offered != 0 {
		t.Errorf("a window of %d bytes, want none", w.offered)
	}
}

// TestWindowIsShared does not go below what a connection needs.
func TestWindowIsShared(t *testing.T) {
	t.Parallel()
	w, bring := trips(1000)
	bring(16 << 20)
	if w.offered != minWindow {
		t.Errorf("a window of %d bytes, want %d", w.offered, minWindow)
	}
}
