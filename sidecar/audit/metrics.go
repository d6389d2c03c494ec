package audit

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/inith/inith/sidecar/audit/internal/ledger"
)

// metrics are those of a proxy.
type metrics struct {
	registry  *prometheus.Registry
	exchanges *prometheus.CounterVec // by outcome
	redacted  *prometheus.CounterVec // by reason
	open      prometheus.Gauge
	total     prometheus.Histogram
	firstByte prometheus.Histogram
}

func newMetrics(p *Proxy) *metrics {
	const prefix = "inith_audit_"
	buckets := []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "exchanges_total", Help: "Exchanges that have ended."}, []string{"outcome"}),
		redacted:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "redacted_total", Help: "Secrets that were removed from records."}, []string{"reason"}),
		open:      prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "open_exchanges", Help: "Exchanges that have not ended."}),
		total:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + "exchange_seconds", Help: "Time from the request to the end of the answer.", Buckets: buckets}),
		firstByte: prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + "first_byte_seconds", Help: "Time from the request to the headers of the answer.", Buckets: buckets}),
	}
	for _, o := range outcomes() {
		m.exchanges.WithLabelValues(string(o))
	}
	m.registry.MustRegister(m.exchanges, m.redacted, m.open, m.total, m.firstByte)
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, value))
	}
	gauge("capture_bytes", "Memory of the bodies of all exchanges.", func() float64 { return float64(p.budget.used.Load()) })
	gauge("log_writable", "1 if records can be written.", func() float64 {
		if p.listening.Load() && p.writer.Err() == nil {
			return 1
		}
		return 0
	})
	m.countLog(p, prefix)
	return m
}

// countLog registers what the log counts.
func (m *metrics) countLog(p *Proxy, prefix string) {
	for name, c := range map[string]struct {
		help  string
		value func(ledger.Stats) int64
	}{
		"records_total":           {"Lines written to the log.", func(s ledger.Stats) int64 { return s.Written }},
		"lost_records_total":      {"Lines that could not be written to the log.", func(s ledger.Stats) int64 { return s.Lost }},
		"write_errors_total":      {"Failed writes and syncs of the log.", func(s ledger.Stats) int64 { return s.Errors }},
		"log_bytes_total":         {"Bytes written to the log.", func(s ledger.Stats) int64 { return s.Bytes }},
		"log_reopened_total":      {"Times that the file of the log was missing or replaced.", func(s ledger.Stats) int64 { return s.Reopened }},
		"log_files_rotated_total": {"Files of the log that were closed.", func(s ledger.Stats) int64 { return s.Rotated }},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: prefix + name, Help: c.help}, func() float64 {
			if !p.listening.Load() {
				return 0
			}
			return float64(c.value(p.writer.Stats()))
		}))
	}
}

// observe counts an exchange that has ended.
func (m *metrics) observe(x *exchange) {
	m.exchanges.WithLabelValues(string(x.outcome)).Inc()
	m.total.Observe(x.endedAt.Sub(x.start).Seconds())
	if !x.answeredAt.IsZero() {
		m.firstByte.Observe(x.answeredAt.Sub(x.start).Seconds())
	}
}

func (m *metrics) masked(counts map[string]int) {
	for _, reason := range reasons(counts) {
		m.redacted.WithLabelValues(reason).Add(float64(counts[reason]))
	}
}
