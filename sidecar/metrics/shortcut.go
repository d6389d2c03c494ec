package metrics

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/mapper"
	"github.com/prometheus/statsd_exporter/pkg/metrics"
)

// shortcuts remember the series of lines that differ in their value alone, such as "jobs:1|c|#queue:a" and
// "jobs:2|c|#queue:a". The first line of a shape takes the whole way through statsd_exporter's parser, mapping and
// registry; those after it are a number, an addition and the counts that statsd_exporter would have made.
//
// They hold as long as the mapping and the series do: a change of one of these forgets all of them. The lock of the
// store guards them.
type shortcuts struct {
	all map[string]*shortcut // by shape
	max int
	key []byte // for look-ups
}

// A shortcut is what a shape leads to.
type shortcut struct {
	series    *metrics.RegisteredMetric
	add       func(value float64, relative bool)
	counted   prometheus.Counter // events by type
	mapped    prometheus.Counter // events by action, or those without a mapping
	scale     mapper.MaybeFloat64
	isMillis  bool
	isCounter bool
	isTagged  bool
}

// maxShape is the length of the longest line that is remembered. It bounds the memory of shortcuts.
const maxShape = 512

// shape splits a line into its value and the rest. The rest is valid until the next call.
func (s *shortcuts) shape(line []byte) (rest, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 || len(line) > maxShape {
		return nil, nil
	}
	bar := bytes.IndexByte(line[colon:], '|')
	if bar < 2 {
		return nil, nil
	}
	s.key = append(append(s.key[:0], line[:colon+1]...), line[colon+bar:]...)
	return s.key, line[colon+1 : colon+bar]
}

// use handles a line whose shape is known, and reports whether it is.
func (s *shortcuts) use(line []byte, self *self, now time.Time) bool {
	rest, value := s.shape(line)
	c := s.all[string(rest)]
	if c == nil {
		return false
	}
	number, err := strconv.ParseFloat(string(value), 64)
	if c.isMillis {
		number /= 1000
	}
	if c.scale.Set {
		number *= c.scale.Val
	}
	if err != nil || c.isCounter && number < 0 || !isFinite(number) {
		return false
	}
	c.add(number, value[0] == '+' || value[0] == '-')
	c.series.LastRegisteredAt = now
	c.counted.Inc()
	c.mapped.Inc()
	self.samples.Inc()
	if c.isTagged {
		self.tags.Inc()
	}
	return true
}

// learn remembers the shape of a line that was one sample without an error, and became the event that the store has stored
// last.
func (s *shortcuts) learn(line string, st *store, isTagged bool) {
	series := st.lastSeries()
	rest, _ := s.shape([]byte(line))
	if series == nil || rest == nil || strings.Contains(line, "|@") {
		return
	}
	_, kind, _ := strings.Cut(string(rest), "|")
	kind, _, _ = strings.Cut(kind, "|")
	mapping := st.last.mapping
	c := &shortcut{series: series, isMillis: kind == "ms", scale: mapping.Scale, isTagged: isTagged, mapped: st.self.unmapped}
	if mapping.Action != "" {
		c.mapped = st.self.actions.WithLabelValues(string(mapping.Action))
	}
	switch m := series.Metric.(type) {
	case prometheus.Gauge: // before Counter, whose methods it has too
		c.counted = st.self.events.WithLabelValues("gauge")
		c.add = func(value float64, relative bool) {
			if relative {
				m.Add(value)
			} else {
				m.Set(value)
			}
		}
	case prometheus.Counter:
		c.isCounter, c.counted = true, st.self.events.WithLabelValues("counter")
		c.add = func(value float64, _ bool) { m.Add(value) }
	case prometheus.Observer:
		c.counted = st.self.events.WithLabelValues("observer")
		c.add = func(value float64, _ bool) { m.Observe(value) }
	default:
		return
	}
	if len(s.all) >= s.max {
		s.forget()
	}
	s.all[string(rest)] = c
}

// forget forgets all shapes.
func (s *shortcuts) forget() { clear(s.all) }
