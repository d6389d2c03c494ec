package fetch

import (
	"net"
	"sync"
	"time"
)

const (
	shortTrip   = 5 * time.Millisecond   // a line with less than it is left alone: it holds little
	leastWindow = 256 << 10              // bytes, of one connection
	settledTick = 250 * time.Millisecond // between two looks at a line that is known
	settledAt   = 3                      // looks in a row at which no more came

	growingGain = 2.0
	settledGain = 1.5
	lossyGain   = 3.0
	lossy       = 1.0 / 2000 // of the segments out of order
)

// A line is what lies between us and a host. It bounds what the host may have
// under way to what the line holds, which is what comes in one round trip, and
// some more. What is beyond waits in front of the narrowest link until the queue
// there overflows. Then some of many connections lose so much that they stand
// still for a time-out of their sender, and all wait for what these were to bring.
//
// It is what BBR (draft-ietf-ccwg-bbr) does, from the receiver's side: no sender
// of TCP has more under way than the window that it is offered.
type line struct {
	mu     sync.Mutex
	conns  map[*lineConn]bool
	trip   time.Duration // the shortest round trip; zero: not known
	window int           // that connections offer, in bytes; zero: as the kernel likes

	looked time.Time
	bytes  int64 // that came since then
	came   segments
	holds  float64 // bytes: the most that came in a round trip
	flat   int     // looks in a row at which no more came
}

// segments counts what connections have received.
type segments struct{ all, disordered int64 }

// A lineConn is a connection over a line.
type lineConn struct {
	*net.TCPConn
	line *line
	told segments // by the kernel, at the last look
}

func newLine() *line { return &line{conns: map[*lineConn]bool{}} }

// add makes a connection one of the line's, until it is closed.
func (l *line) add(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	c := &lineConn{TCPConn: tcp, line: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
	if l.window > 0 {
		c.offer(l.window)
	}
	return c
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.TCPConn.Close()
}

// received counts bytes, and once in a round trip looks at what they tell.
func (l *line) received(n int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looked.IsZero() {
		l.looked = now
	}
	l.bytes += int64(n)
	every := max(l.trip, shortTrip)
	if l.flat >= settledAt {
		every = max(every, settledTick)
	}
	if now.Sub(l.looked) < every {
		return
	}
	for c := range l.conns {
		c.look()
	}
	l.judge(now)
}

// judge learns from what came since the last look, and bounds what may come.
func (l *line) judge(now time.Time) {
	inTrip := float64(l.bytes) * l.trip.Seconds() / now.Sub(l.looked).Seconds()
	if l.flat++; inTrip >= 1.25*l.holds {
		l.flat = 0
	}
	l.holds = max(l.holds, inTrip)
	if l.trip >= shortTrip {
		l.window = max(leastWindow, int(l.gain()*l.holds)/max(1, len(l.conns)))
		for c := range l.conns {
			c.offer(l.window)
		}
	}
	l.looked, l.bytes, l.came = now, 0, segments{}
}

// gain returns how many times what the line holds may be under way. Twice is
// enough for senders that double it with each round trip. Where segments are
// lost although there is no queue, more is needed: a connection that has lost one
// cannot move its window for a round trip.
func (l *line) gain() float64 {
	switch {
	case l.flat < settledAt:
		return growingGain
	case float64(l.came.disordered) > lossy*float64(l.came.all):
		return lossyGain
	default:
		return settledGain
	}
}

// counted takes over what the kernel tells of a connection.
func (c *lineConn) counted(now segments, trip time.Duration) {
	l := c.line
	l.came.all += now.all - c.told.all
	l.came.disordered += now.disordered - c.told.disordered
	c.told = now
	if trip > 0 && (l.trip == 0 || trip < l.trip) {
		l.trip = trip
	}
}
