package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// self are the metrics of the server itself. Those of statsd_exporter keep their names and meaning, so that dashboards
// and alerts go on working. https://github.com/prometheus/statsd_exporter/blob/v0.31.0/main.go
type self struct {
	registry *prometheus.Registry

	events, conflicts, eventErrors, actions *prometheus.CounterVec
	flushed, unmapped                       prometheus.Counter
	udpPackets, udpDrops                    prometheus.Counter
	tcpConnections, tcpErrors, tcpTooLong   prometheus.Counter
	unixgramPackets                         prometheus.Counter
	lines, samples, tags, tagErrors         prometheus.Counter
	sampleErrors, reloads                   *prometheus.CounterVec
	mappings                                prometheus.Gauge
	metrics                                 *prometheus.GaugeVec

	rejected      *prometheus.CounterVec // of inith
	samplesCapped prometheus.Counter     // of inith
}

func newSelf() *self {
	s := &self{registry: prometheus.NewRegistry()}
	s.countReceived()
	s.countEvents()
	s.rejected = s.counters("inith_series_rejected_total", "Events whose label set was not stored, by what stood against it: label_set and name are those beyond --max-series.", "reason")
	for _, reason := range reasons() {
		s.rejected.WithLabelValues(string(reason))
	}
	s.samplesCapped = s.counter("inith_samples_capped_total", "Samples whose rate was raised, because a line stood for too many observations.")
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

func (s *self) countReceived() {
	s.udpPackets = s.counter("statsd_exporter_udp_packets_total", "The total number of StatsD packets received over UDP.")
	s.udpDrops = s.counter("statsd_exporter_udp_packet_drops_total", "The total number of dropped StatsD packets which received over UDP.")
	s.tcpConnections = s.counter("statsd_exporter_tcp_connections_total", "The total number of TCP connections handled.")
	s.tcpErrors = s.counter("statsd_exporter_tcp_connection_errors_total", "The number of errors encountered reading from TCP.")
	s.tcpTooLong = s.counter("statsd_exporter_tcp_too_long_lines_total", "The number of lines discarded due to being too long.")
	s.unixgramPackets = s.counter("statsd_exporter_unixgram_packets_total", "The total number of StatsD packets received over Unixgram.")
	s.lines = s.counter("statsd_exporter_lines_total", "The total number of StatsD lines received.")
	s.samples = s.counter("statsd_exporter_samples_total", "The total number of StatsD samples received.")
	s.sampleErrors = s.counters("statsd_exporter_sample_errors_total", "The total number of errors parsing StatsD samples.", "reason")
	s.tags = s.counter("statsd_exporter_tags_total", "The total number of DogStatsD tags processed.")
	s.tagErrors = s.counter("statsd_exporter_tag_errors_total", "The number of errors parsing DogStatsD tags.")
}

func (s *self) countEvents() {
	s.events = s.counters("statsd_exporter_events_total", "The total number of StatsD events seen.", "type")
	s.flushed = s.counter("statsd_exporter_event_queue_flushed_total", "Number of times events were flushed to exporter")
	s.unmapped = s.counter("statsd_exporter_events_unmapped_total", "The total number of StatsD events no mapping was found for.")
	s.reloads = s.counters("statsd_exporter_config_reloads_total", "The number of configuration reloads.", "outcome")
	s.mappings = prometheus.NewGauge(prometheus.GaugeOpts{Name: "statsd_exporter_loaded_mappings", Help: "The current number of configured metric mappings."})
	s.conflicts = s.counters("statsd_exporter_events_conflict_total", "The total number of StatsD events with conflicting names.", "type", "metric_name")
	s.eventErrors = s.counters("statsd_exporter_events_error_total", "The total number of StatsD events discarded due to errors.", "reason")
	s.actions = s.counters("statsd_exporter_events_actions_total", "The total number of StatsD events by action.", "action")
	s.metrics = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "statsd_exporter_metrics_total", Help: "The total number of metrics."}, []string{"type"})
	s.registry.MustRegister(s.mappings, s.metrics)
}

func (s *self) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	s.registry.MustRegister(c)
	return c
}

func (s *self) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	s.registry.MustRegister(c)
	return c
}
