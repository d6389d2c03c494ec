// Package metrics receives metrics in the statsd protocol and serves them to Prometheus: see [Server]. Mapping, parsing
// and the metrics themselves are those of prometheus/statsd_exporter. Sockets, the queue, limits, reloading and the end
// are this package's, so that no packet can end the process, fill its memory or make the metrics unreadable.
package metrics

import (
	"io/fs"
	"log/slog"
	"time"
)

// Options are those of a [Server]. At least one of the addresses to listen on is needed.
type Options struct {
	ListenUDP      string // host:port, where "" as host stands for all addresses; "" for none
	ListenTCP      string // as ListenUDP
	ListenUnixgram string // path of a socket for datagrams; "" for none
	SocketMode     fs.FileMode
	ReadBuffer     int // bytes that the kernel keeps of each datagram socket; zero: its default
	QueuePackets   int // datagrams that wait to be parsed, beyond which more are dropped; zero: 10000

	Mapping Mapping
	Dialects
	Web   Web
	Relay Relay

	MaxSeries int           // label sets over all metrics; zero: 10000
	Linger    time.Duration // how long a server that has drained may still be scraped, until that happened once

	Hangups <-chan struct{} // each asks for a reload, as SIGHUP does; nil for none
	Quit    func()          // ends the process in good order, for /-/quit; nil ignores that
	Logger  *slog.Logger    // nil discards
}

// Mapping says how names become metrics and labels.
// https://github.com/prometheus/statsd_exporter#metric-mapping-and-configuration
type Mapping struct {
	File      string // "" for none
	CacheSize int    // names whose mapping is remembered; zero: none
	Dump      string // file to which the automaton of the mapping is written, for Graphviz; "" for none
	Random    bool   // forget any name when the cache is full, not the one that was not used for longest
}

// Dialects are the ways to write labels that are parsed.
type Dialects struct {
	DogStatsD, InfluxDB, Librato, SignalFX bool
}

// Web says what is served over HTTP.
type Web struct {
	Listen    string // host:port; zero: :9102
	Path      string // of the metrics; zero: /metrics
	Lifecycle bool   // serve /-/reload and /-/quit
}

const (
	defaultQueuePackets = 10000
	defaultMaxSeries    = 10000
	defaultWebListen    = ":9102"
	defaultWebPath      = "/metrics"
	defaultRelayPacket  = 1400
)

// defaultMode is that of a unix socket.
const defaultMode fs.FileMode = 0o755
