package logs

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/sidecar/logs/internal/output"
)

// metrics are those of a collector.
type metrics struct {
	registry     *prometheus.Registry
	read         prometheus.Counter
	acknowledged prometheus.Counter
	records      prometheus.Counter
	files        atomic.Pointer[fileStats]
	updated      time.Time
}

// fileStats are a look at all files.
type fileStats struct {
	followed, held, chunks            int
	undelivered                       int64
	rotated, truncated, dropped, lost int64
	long, unparsed                    int64
}

const prefix = "inith_logs_"

func newMetrics(c *Collector) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
	}
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		read:         counter("read_bytes_total", "Bytes of files that were read."),
		acknowledged: counter("acknowledged_bytes_total", "Bytes of files that all outputs have acknowledged."),
		records:      counter("records_total", "Records that were given to the outputs."),
	}
	m.files.Store(&fileStats{})
	m.registry.MustRegister(m.read, m.acknowledged, m.records)
	m.addFiles()
	m.addForward(c)
	return m
}

// addFiles registers what is known of the files.
func (m *metrics) addFiles() {
	gauges := map[string]struct {
		help  string
		value func(*fileStats) float64
	}{
		"files":             {"Files that are followed.", func(s *fileStats) float64 { return float64(s.followed) }},
		"held_files":        {"Renamed or deleted files that are kept open.", func(s *fileStats) float64 { return float64(s.held) }},
		"undelivered_bytes": {"Bytes of files that were not acknowledged.", func(s *fileStats) float64 { return float64(s.undelivered) }},
		"chunks_in_flight":  {"Chunks that were not acknowledged.", func(s *fileStats) float64 { return float64(s.chunks) }},
	}
	for name, g := range gauges {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: g.help}, func() float64 { return g.value(m.files.Load()) }))
	}
	counters := map[string]struct {
		help  string
		value func(*fileStats) int64
	}{
		"files_rotated_total":   {"Files that were renamed or deleted.", func(s *fileStats) int64 { return s.rotated }},
		"files_truncated_total": {"Files that were truncated.", func(s *fileStats) int64 { return s.truncated }},
		"files_dropped_total":   {"Renamed or deleted files that were given up undelivered.", func(s *fileStats) int64 { return s.dropped }},
		"dropped_bytes_total":   {"Undelivered bytes of the files that were given up.", func(s *fileStats) int64 { return s.lost }},
		"long_lines_total":      {"Lines, or pieces of lines, that exceeded the limit.", func(s *fileStats) int64 { return s.long }},
		"unparsed_lines_total":  {"Lines that could not be parsed.", func(s *fileStats) int64 { return s.unparsed }},
	}
	for name, k := range counters {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: prefix + name, Help: k.help}, func() float64 { return float64(k.value(m.files.Load())) }))
	}
}

// addForward registers what the connections to receivers count.
func (m *metrics) addForward(c *Collector) {
	sum := func(value func(*output.Stats) int64) func() float64 {
		return func() (n float64) {
			for _, s := range c.sinks {
				if s.forward != nil {
					n += float64(value(&s.forward.Stats))
				}
			}
			return n
		}
	}
	for name, k := range map[string]struct {
		help  string
		value func(*output.Stats) int64
	}{
		"connections_total":        {"Connections that were tried.", func(s *output.Stats) int64 { return s.Dials.Load() }},
		"connections_failed_total": {"Connections that failed or broke.", func(s *output.Stats) int64 { return s.Failures.Load() }},
		"sent_bytes_total":         {"Bytes sent to receivers.", func(s *output.Stats) int64 { return s.Sent.Load() }},
		"resent_chunks_total":      {"Chunks that were sent again.", func(s *output.Stats) int64 { return s.Resent.Load() }},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: prefix + name, Help: k.help}, sum(k.value)))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + "receivers_connected", Help: "Receivers that a connection is open to."}, sum(func(s *output.Stats) int64 {
		if s.Connected.Load() {
			return 1
		}
		return 0
	})))
}

// update calls last, a few times a second at most.
func (m *metrics) update(c *Collector) {
	now := time.Now()
	if now.Sub(m.updated) < pollEvery {
		return
	}
	m.updated = now
	m.last(c)
}

// last takes a look at all files.
func (m *metrics) last(c *Collector) {
	s := &fileStats{chunks: len(c.flying)}
	for _, i := range c.inputs {
		for _, f := range i.files {
			s.followed++
			s.undelivered += f.Undelivered()
			if !f.Gone().IsZero() {
				s.held++
			}
		}
		t := i.follower.Stats
		s.rotated, s.truncated, s.dropped, s.lost = s.rotated+t.Rotated, s.truncated+t.Truncated, s.dropped+t.Dropped, s.lost+t.DroppedBytes
		s.long, s.unparsed = s.long+i.encoder.Stats.Long, s.unparsed+i.encoder.Stats.Unparsed
	}
	m.files.Store(s)
}
