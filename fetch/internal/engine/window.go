package engine

import (
	"net"
	"sync"
	"time"
)

const (
	shortTrip   = 5 * time.Millisecond   // a path with less is left alone: it holds little
	minWindow   = 256 << 10              // bytes, of one connection
	settledTick = 250 * time.Millisecond // between two looks at a path that is known
	settledAt   = 3                      // consecutive looks at which no more came

	growingGain = 2.0
	settledGain = 1.5
	lossyGain   = 3.0
	lossy       = 1.0 / 2000 // of the segments arrive out of order
)

// A window is the bandwidth-delay window of the path to a host. It bounds what the host
// may have under way to what the path holds, which is what comes in one round trip, and
// some more. What is beyond waits in front of the narrowest link until the queue there
// overflows. Then some of many connections lose so much that they stand still for a
// time-out of their sender, and all wait for what these were to bring.
//
// It is what BBR (draft-ietf-ccwg-bbr) does, from the receiver's side: no sender of TCP
// has more under way than the window that it is offered.
type window struct {
	mu      sync.Mutex
	conns   map[*windowConn]bool
	trip    time.Duration // the shortest round trip; zero: not known
	offered int           // to each connection, in bytes; zero: as the kernel likes

	looked  time.Time
	bytes   int64 // that came since then
	came    tcpSegments
	product float64 // bytes: the most that came in a round trip
	flat    int     // consecutive looks at which no more came
}

// tcpSegments counts what connections have received.
type tcpSegments struct{ all, disordered int64 }

// A windowConn is a connection over the path.
type windowConn struct {
	*net.TCPConn
	window *window
	last   tcpSegments // that the kernel reported at the last look
}

func newWindow() *window { return &window{conns: map[*windowConn]bool{}} }

// add makes a connection one of the path's, until it is closed.
func (w *window) add(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	c := &windowConn{TCPConn: tcp, window: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	if w.offered > 0 {
		c.offer(w.offered)
	}
	return c
}

func (c *windowConn) Close() error {
	c.window.mu.Lock()
	delete(c.window.conns, c)
	c.window.mu.Unlock()
	return c.TCPConn.Close()
}

// received counts bytes, and once in a round trip looks at what they show.
func (w *window) received(n int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.looked.IsZero() {
		w.looked = now
	}
	w.bytes += int64(n)
	every := max(w.trip, shortTrip)
	if w.flat >= settledAt {
		every = max(every, settledTick)
	}
	if now.Sub(w.looked) < every {
		return
	}
	for c := range w.conns {
		c.look()
	}
	w.judge(now)
}

// judge learns from what came since the last look, and bounds what may come.
func (w *window) judge(now time.Time) {
	inTrip := float64(w.bytes) * w.trip.Seconds() / now.Sub(w.looked).Seconds()
	if w.flat++; inTrip >= 1.25*w.product {
		w.flat = 0
	}
	w.product = max(w.product, inTrip)
	if w.trip >= shortTrip {
		w.offered = max(minWindow, int(w.gain()*w.product)/max(1, len(w.conns)))
		for c := range w.conns {
			c.offer(w.offered)
		}
	}
	w.looked, w.bytes, w.came = now, 0, tcpSegments{}
}

// gain returns how many times what the path holds may be under way. Twice is
// enough for senders that double it with each round trip. Where segments are
// lost although there is no queue, more is needed: a connection that has lost one
// cannot move its window for a round trip.
func (w *window) gain() float64 {
	switch {
	case w.flat < settledAt:
		return growingGain
	case float64(w.came.disordered) > lossy*float64(w.came.all):
		return lossyGain
	default:
		return settledGain
	}
}

// counted takes over what the kernel reports of a connection.
func (c *windowConn) counted(now tcpSegments, trip time.Duration) {
	w := c.window
	w.came.all += now.all - c.last.all
	w.came.disordered += now.disordered - c.last.disordered
	c.last = now
	if trip > 0 && (w.trip == 0 || trip < w.trip) {
		w.trip = trip
	}
}
