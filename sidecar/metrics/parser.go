package metrics

import (
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/event"
	"github.com/prometheus/statsd_exporter/pkg/line"
)

// A parser makes events of lines.
type parser struct {
	lines   *line.Parser
	self    *self
	discard *slog.Logger // the parser would quote lines, which may hold secrets

	budget                   int   // observations that the lines of this turn may still stand for
	samples, tagErrors, tags tally // of the last line
}

// A tally is a counter that its owner reads.
type tally struct {
	prometheus.Counter

	n float64
}

// Inc implements prometheus.Counter, of which the parser calls nothing else.
func (t *tally) Inc() { t.n++ }

// isSimple reports whether the last line was one sample without an error in its tags.
func (p *parser) isSimple() bool { return p.samples.n == 1 && p.tagErrors.n == 0 }

// What a line may be at most. It bounds the memory of what is remembered by name.
const (
	maxName   = 1 << 10 // bytes
	maxExpand = 1000    // observations that one line may stand for
	maxBudget = 100_000 // observations that the lines of a turn may stand for
)

func newParser(d Dialects, s *self) *parser {
	return &parser{
		lines: &line.Parser{
			DogstatsdTagsEnabled: d.DogStatsD, InfluxdbTagsEnabled: d.InfluxDB, LibratoTagsEnabled: d.Librato, SignalFXTagsEnabled: d.SignalFX,
		},
		self: s, discard: slog.New(slog.DiscardHandler),
	}
}

// parse returns the events of a line. The parser of statsd_exporter panics on some lines, such as "a]b[:1|c".
func (p *parser) parse(text string) (events event.Events) {
	defer func() {
		if recover() != nil {
			p.self.sampleErrors.WithLabelValues("panic").Inc()
			events = nil
		}
	}()
	if strings.IndexByte(text, ':') > maxName {
		p.self.sampleErrors.WithLabelValues("name_too_long").Inc()
		return nil
	}
	if strings.Contains(text, "|@") {
		text = p.capRates(text)
	}
	p.samples.n, p.tagErrors.n, p.tags.n = 0, 0, 0
	events = p.lines.LineToEvents(text, *p.self.sampleErrors, &p.samples, &p.tagErrors, &p.tags, p.discard)
	p.budget = max(0, p.budget-len(events))
	p.self.samples.Add(p.samples.n)
	p.self.tagErrors.Add(p.tagErrors.n)
	p.self.tags.Add(p.tags.n)
	return slices.DeleteFunc(events, p.spoils)
}

// spoils reports whether an event would make a sum infinite or not a number, from which it never recovers.
func (p *parser) spoils(e event.Event) bool {
	if isFinite(e.Value()) {
		return false
	}
	if g, ok := e.(*event.GaugeEvent); ok && !g.GRelative {
		return false // until the next value
	}
	p.self.sampleErrors.WithLabelValues("not_finite").Inc()
	return true
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// capRates raises the sampling rates of timers and distributions, for each of which statsd_exporter makes 1/rate
// events. Counters are scaled instead, so that theirs can stay.
func (p *parser) capRates(text string) string {
	most := min(maxExpand, p.budget) / (1 + strings.Count(text, ":"))
	capped := strconv.FormatFloat(1/float64(max(1, most)), 'g', -1, 64)
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "|@")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("|@")
		end := strings.IndexAny(after, "|:")
		if end < 0 {
			end = len(after)
		}
		rate := after[:end]
		if r, err := strconv.ParseFloat(rate, 64); err == nil && r > 0 && 1/r > float64(most) && !isScaled(before) {
			p.self.samplesCapped.Inc()
			rate = capped
		}
		b.WriteString(rate)
		text = after[end:]
	}
}

// isScaled reports whether what stands before a sampling rate is a counter or a gauge.
func isScaled(before string) bool {
	sample := before[strings.LastIndexByte(before, ':')+1:]
	_, kind, _ := strings.Cut(sample, "|")
	kind, _, _ = strings.Cut(kind, "|")
	return kind == "c" || kind == "g"
}
