package fetch

import (
	"net"
	"testing"
	"time"
)

// trips makes a line with a round trip of 50 ms, and n connections of which
// nothing is known, and returns what brings bytes in a round trip.
func trips(n int) (l *line, bring func(bytes int)) {
	l = newLine()
	l.trip = 50 * time.Millisecond
	for range n {
		l.conns[&lineConn{TCPConn: new(net.TCPConn), line: l}] = true
	}
	now := time.Unix(0, 0)
	l.received(0, now)
	return l, func(bytes int) {
		every := l.trip
		if l.flat >= settledAt {
			every = settledTick
			bytes *= int(settledTick / l.trip)
		}
		now = now.Add(every)
		l.received(bytes, now)
	}
}

// TestLineGrows lets a sender double what it has under way, as slow start does,
// and then bounds it to little more than what the line holds.
func TestLineGrows(t *testing.T) {
	t.Parallel()
	const holds = 16 << 20
	l, bring := trips(4)
	for bytes := 1 << 20; bytes <= holds; bytes *= 2 {
		bring(bytes)
		if got := 4 * l.window; got < 2*bytes {
			t.Errorf("after %d bytes in a round trip, %d may be under way, want twice as many", bytes, got)
		}
	}
	for range settledAt {
		bring(holds)
	}
	if got := 4 * l.window; got != holds*3/2 {
		t.Errorf("%d bytes may be under way on a line that holds %d, want half more", got, holds)
	}
	bring(holds / 4)
	if got := 4 * l.window; got != holds*3/2 {
		t.Errorf("%d bytes may be under way after a slow round trip, want what was", got)
	}
}

// TestLineIsLossy offers more where segments get lost.
func TestLineIsLossy(t *testing.T) {
	t.Parallel()
	const holds = 16 << 20
	l, bring := trips(4)
	for range settledAt + 1 {
		bring(holds)
	}
	for c := range l.conns {
		c.counted(segments{all: 1000, disordered: 10}, 0)
	}
	bring(holds)
	if got := 4 * l.window; got != holds*3 {
		t.Errorf("%d bytes may be under way on a lossy line that holds %d, want three times as many", got, holds)
	}
	for c := range l.conns {
		c.counted(segments{all: 2000, disordered: 10}, 0) // none more
	}
	bring(holds)
	if got := 4 * l.window; got != holds*3/2 {
		t.Errorf("%d bytes may be under way once nothing is lost, want %d", got, holds*3/2)
	}
}

// TestShortLineIsLeftAlone does not bound what has no queue worth it.
func TestShortLineIsLeftAlone(t *testing.T) {
	t.Parallel()
	l, bring := trips(4)
	l.trip = shortTrip / 2
	for range 10 {
		bring(1 << 20)
	}
	if l.window != 0 {
		t.Errorf("a window of %d bytes, want none", l.window)
	}
}

// TestLineOffersEachAPart does not go below what a connection needs.
func TestLineOffersEachAPart(t *testing.T) {
	t.Parallel()
	l, bring := trips(1000)
	bring(16 << 20)
	if l.window != leastWindow {
		t.Errorf("a window of %d bytes, want %d", l.window, leastWindow)
	}
}
