package metrics

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/mapper"
	"github.com/prometheus/statsd_exporter/pkg/metrics"
	"github.com/prometheus/statsd_exporter/pkg/registry"
)

// A store holds the metrics that were received. It is the registry of statsd_exporter with a limit, and serves them as a
// collector of its own: a prometheus.Registry never forgets metrics whose label names it does not know beforehand.
type store struct {
	mu        sync.Mutex // of registry and series; held while events are handled
	registry  *registry.Registry
	series    int
	max       int
	last      *request // for a series that was given out; set it to nil before a call that reads it
	shortcuts shortcuts
	self      *self
	reserved  map[string]bool // names of the server's own metrics
	conflicts map[string]bool // names that are counted by name
	log       *slog.Logger
	full      sync.Once // it was logged that there is no room for more series
}

// A reason says why a label set was not stored.
type reason string

const (
	tooManyNames  reason = "name"       // a new metric beyond the limit
	tooManyLabels reason = "label_set"  // a new label set of a known metric beyond the limit: it is counted in the overflow series
	noName        reason = "empty_name" // only labels
	ownName       reason = "reserved"   // the name is that of a metric of the server itself
	badLabel      reason = "label_name" // Prometheus does not allow the name of a label
	tooLong       reason = "size"       // name and labels are too long
	conflict      reason = "conflict"   // another type has the name, and so have too many others
	broken        reason = "panic"      // the library panicked
)

func reasons() []reason {
	return []reason{tooManyNames, tooManyLabels, noName, ownName, badLabel, tooLong, conflict, broken}
}

// maxLabels is how many bytes the labels of a series may have.
const maxLabels = 4 << 10

// maxConflicts is how many names statsd_exporter_events_conflict_total may list.
const maxConflicts = 1000

func newStore(m *mapper.MetricMapper, limit int, s *self, log *slog.Logger) (*store, error) {
	families, err := s.registry.Gather()
	if err != nil {
		return nil, err
	}
	st := &store{log: log, registry: registry.NewRegistry(unregistered{}, m), max: limit, self: s, reserved: map[string]bool{}, conflicts: map[string]bool{}, shortcuts: shortcuts{all: map[string]*shortcut{}, max: limit}}
	for _, f := range families {
		st.reserved[f.GetName()] = true
	}
	return st, nil
}

// unregistered is where the registry of statsd_exporter registers its metrics: nowhere, since the store collects them.
type unregistered struct{ prometheus.Registerer }

func (unregistered) Register(prometheus.Collector) error { return nil }

// Describe implements prometheus.Collector: the metrics are not known beforehand.
func (*store) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *store) Collect(ch chan<- prometheus.Metric) {
	var all []prometheus.Collector
	s.mu.Lock()
	for _, m := range s.registry.Metrics {
		for _, v := range m.Vectors {
			if c, ok := v.Holder.(prometheus.Collector); ok {
				all = append(all, c)
			}
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		c.Collect(ch)
	}
}

// RemoveStaleMetrics removes the series whose time to live has passed, and what held them. The caller holds the lock.
func (s *store) RemoveStaleMetrics() {
	before := s.series
	s.registry.RemoveStaleMetrics()
	s.series = 0
	for name, m := range s.registry.Metrics {
		for hash, v := range m.Vectors {
			if v.RefCount == 0 {
				delete(m.Vectors, hash)
				s.self.metrics.WithLabelValues(typeName(m.MetricType)).Dec()
			}
		}
		if len(m.Metrics) == 0 {
			delete(s.registry.Metrics, name)
		}
		s.series += len(m.Metrics)
	}
	if s.series < before {
		s.shortcuts.forget()
	}
}

func typeName(t metrics.MetricType) string {
	switch t {
	case metrics.CounterMetricType:
		return "counter"
	case metrics.GaugeMetricType:
		return "gauge"
	case metrics.SummaryMetricType:
		return "summary"
	default:
		return "histogram"
	}
}

// GetCounter returns the counter of a label set, or one that nobody sees.
func (s *store) GetCounter(name string, labels prometheus.Labels, help string, mapping *mapper.MetricMapping, count *prometheus.GaugeVec) (prometheus.Counter, error) {
	r := request{name: name, labels: labels, mapping: mapping}
	return admit(s, &r, func() (prometheus.Counter, error) {
		return s.registry.GetCounter(r.name, r.labels, help, mapping, count)
	}, func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{}) })
}

// GetGauge returns the gauge of a label set, or one that nobody sees.
func (s *store) GetGauge(name string, labels prometheus.Labels, help string, mapping *mapper.MetricMapping, count *prometheus.GaugeVec) (prometheus.Gauge, error) {
	r := request{name: name, labels: labels, mapping: mapping}
	return admit(s, &r, func() (prometheus.Gauge, error) {
		return s.registry.GetGauge(r.name, r.labels, help, mapping, count)
	}, func() prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts{}) })
}

// GetHistogram returns the histogram of a label set, or one that nobody sees.
func (s *store) GetHistogram(name string, labels prometheus.Labels, help string, mapping *mapper.MetricMapping, count *prometheus.GaugeVec) (prometheus.Observer, error) {
	r := request{name: name, labels: labels, mapping: mapping, own: "le"}
	return admit(s, &r, func() (prometheus.Observer, error) {
		return s.registry.GetHistogram(r.name, r.labels, help, mapping, count)
	}, unseen)
}

// GetSummary returns the summary of a label set, or one that nobody sees.
func (s *store) GetSummary(name string, labels prometheus.Labels, help string, mapping *mapper.MetricMapping, count *prometheus.GaugeVec) (prometheus.Observer, error) {
	r := request{name: name, labels: labels, mapping: mapping, own: "quantile"}
	return admit(s, &r, func() (prometheus.Observer, error) {
		return s.registry.GetSummary(r.name, r.labels, help, mapping, count)
	}, unseen)
}

func unseen() prometheus.Observer { return prometheus.ObserverFunc(func(float64) {}) }

// A request is for the series of a label set.
type request struct {
	name    string
	labels  prometheus.Labels
	own     string // a label that the type of metric has itself; "" for none
	mapping *mapper.MetricMapping

	overflows bool // the labels are no longer its own
}

// lastSeries returns the series that was given out last, nil for none or one that nobody sees.
func (s *store) lastSeries() *metrics.RegisteredMetric {
	if s.last == nil {
		return nil
	}
	hash, _ := s.registry.HashLabels(s.last.labels)
	return s.registry.Metrics[s.last.name].Metrics[hash.Values]
}

// admit gets a series unless something stands against it. What is not admitted is no error: statsd_exporter counts errors
// by the name of the metric, of which a sender can invent any number.
func admit[M any](s *store, r *request, get func() (M, error), discard func() M) (m M, err error) {
	defer func() {
		if recover() != nil {
			m, err = reject(s, broken, discard), nil
		}
	}()
	if why := s.objection(r); why != "" {
		return reject(s, why, discard), nil
	}
	before := len(s.registry.Metrics[r.name].Metrics)
	m, err = get()
	if err == nil && !r.overflows {
		s.last = r
	}
	s.series += len(s.registry.Metrics[r.name].Metrics) - before
	if err != nil && !s.mayCount(r.name) {
		return reject(s, conflict, discard), nil
	}
	return m, err
}

func reject[M any](s *store, why reason, discard func() M) M {
	s.self.rejected.WithLabelValues(string(why)).Inc()
	return discard()
}

// objection returns what stands against a series. Beyond the limit it makes the request one for the overflow series.
func (s *store) objection(r *request) reason {
	if why := s.invalid(r); why != "" || s.series < s.max {
		return why
	}
	s.full.Do(func() {
		s.log.Warn("--max-series is reached: new metrics are dropped, new label sets count as overflow=\"true\"",
			"limit", s.max, "hint", "inith_series_rejected_total counts them; raise --max-series, or set a ttl in the mapping")
	})
	metric, known := s.registry.Metrics[r.name]
	if !known {
		return tooManyNames
	}
	if hash, _ := s.registry.HashLabels(r.labels); metric.Metrics[hash.Values] == nil {
		s.self.rejected.WithLabelValues(string(tooManyLabels)).Inc()
		r.labels, r.overflows = prometheus.Labels{"overflow": "true"}, true
	}
	return ""
}

// invalid returns why a series would make the metrics unreadable, or end the process.
func (s *store) invalid(r *request) reason {
	if r.name == "" {
		return noName
	}
	if s.isOwn(r.name) {
		return ownName
	}
	size := 0
	for name, value := range r.labels {
		if name == r.own || strings.HasPrefix(name, "__") {
			return badLabel
		}
		size += len(name) + len(value)
	}
	if size > maxLabels {
		return tooLong
	}
	return ""
}

// isOwn reports whether a name is that of a metric of the server itself, or of a part of one.
func (s *store) isOwn(name string) bool {
	switch name[0] { // nearly all names end here
	case 'g', 'i', 'p', 's':
	default:
		return false
	}
	for _, prefix := range []string{"statsd_exporter_", "statsd_metric_mapper_", "promhttp_", "inith_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, suffix := range []string{"_sum", "_count", "_bucket"} {
		if base, found := strings.CutSuffix(name, suffix); found && s.reserved[base] {
			return true
		}
	}
	return s.reserved[name]
}

// mayCount reports whether statsd_exporter may count a conflict by its name.
func (s *store) mayCount(name string) bool {
	if !s.conflicts[name] && len(s.conflicts) >= maxConflicts {
		return false
	}
	s.conflicts[name] = true
	return true
}
