package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// Relay says where lines are sent on to.
type Relay struct {
	Address      string // host:port, over UDP; "" for nowhere
	PacketLength int    // bytes of a packet at most; zero: 1400
}

// A relay sends lines on, several in a packet. It never waits: what its target or the network cannot take is dropped and
// counted. A nil relay does nothing.
type relay struct {
	o       Relay
	log     *slog.Logger
	packets chan []byte

	mu     sync.Mutex // of buffer
	buffer []byte

	conn   net.Conn
	dialed time.Time
	failed time.Time // to dial

	lines, tooLong, sent, dropped prometheus.Counter
}

const (
	relayQueue    = 100              // packets, as in statsd_exporter
	relayInterval = time.Second      // for which lines wait for others
	relayRedial   = 30 * time.Second // after which the name is resolved again
	relayDial     = 2 * time.Second  // for resolving the name
)

var errNoTarget = errors.New("the target could not be reached a moment ago")

func newRelay(o Relay, s *self, log *slog.Logger) *relay {
	if o.Address == "" {
		return nil
	}
	counter := func(name, help string) prometheus.Counter {
		return s.counters(name, help, "target").WithLabelValues(o.Address)
	}
	return &relay{
		o: o, log: log, packets: make(chan []byte, relayQueue),
		lines:   counter("statsd_exporter_relay_lines_relayed_total", "The number of lines that were buffered to be relayed."),
		tooLong: counter("statsd_exporter_relay_long_lines_total", "The number lines that were too long to relay."),
		sent:    counter("statsd_exporter_relay_packets_total", "The number of StatsD packets relayed."),
		dropped: counter("inith_relay_dropped_packets_total", "Packets that could not be relayed."),
	}
}

// add takes a line.
func (r *relay) add(line []byte) {
	switch {
	case r == nil:
		return
	case len(line) >= r.o.PacketLength:
		r.tooLong.Inc()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buffer)+len(line)+1 > r.o.PacketLength {
		r.flush()
	}
	r.lines.Inc()
	r.buffer = append(append(r.buffer, line...), '\n')
}

// flush hands a packet over. The caller holds the lock.
func (r *relay) flush() {
	if len(r.buffer) == 0 {
		return
	}
	select {
	case r.packets <- r.buffer:
	default:
		r.dropped.Inc()
	}
	r.buffer = nil
}

// run sends until close.
func (r *relay) run(ctx context.Context) {
	if r == nil {
		return
	}
	tick := time.NewTicker(relayInterval)
	defer tick.Stop()
	defer func() {
		if r.conn != nil {
			_ = r.conn.Close()
		}
	}()
	for {
		select {
		case <-tick.C:
			r.mu.Lock()
			r.flush()
			r.mu.Unlock()
		case packet, open := <-r.packets:
			if !open {
				return
			}
			if err := r.send(ctx, packet); err != nil {
				r.dropped.Inc()
				r.log.DebugContext(ctx, "packet not relayed", "target", r.o.Address, "err", err.Error())
			} else {
				r.sent.Inc()
			}
		}
	}
}

// close has run send what there is, and return. No line may be added afterwards.
func (r *relay) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	close(r.packets)
}

func (r *relay) send(ctx context.Context, packet []byte) error {
	if time.Since(r.failed) < relayInterval { // so that the end does not wait for one packet after the other
		return errNoTarget
	}
	if r.conn == nil || time.Since(r.dialed) > relayRedial {
		conn, err := (&net.Dialer{Timeout: relayDial}).DialContext(context.WithoutCancel(ctx), "udp", r.o.Address)
		if err != nil {
			r.failed = time.Now()
			return err
		}
		if r.conn != nil {
			_ = r.conn.Close()
		}
		r.conn, r.dialed = conn, time.Now()
	}
	_, err := r.conn.Write(packet)
	if errors.Is(err, unix.ECONNREFUSED) { // an earlier packet was refused; this one has not been sent
		_, err = r.conn.Write(packet)
	}
	return err
}
