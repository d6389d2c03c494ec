package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/inith/inith/integration/bench/report"
)

// The figures that inith holds itself to.
const (
	rateFigure   = 0.8 // of the bare proxy's, at the level metadata
	p99Figure    = 1.0 // ms above the bare proxy's, at half of the rate
	eventFigure  = 1.0 // ms
	memoryFigure = 64  // MiB with 256 open exchanges
)

func (p *proxy) title() string {
	if p.level == "" {
		return p.name
	}
	return p.name + " " + p.level
}

// rate returns what inith serves at a level in a round.
func (b *bench) rate(round int, level string) float64 {
	for _, r := range b.rows {
		if r.round == round && r.level == level && r.half == "" {
			return r.rate
		}
	}
	return math.NaN()
}

// of returns the rows of a proxy, in the order of their rounds.
func (b *bench) of(name, level, half string) []row {
	var all []row
	for _, r := range b.rows {
		if r.name == name && r.level == level && r.half == half {
			all = append(all, r)
		}
	}
	return all
}

// An ofRound is a measurement, with the number of its round.
type ofRound interface{ number() int }

func (r row) number() int    { return r.round }
func (s stream) number() int { return s.round }

// paired returns the median of what is computed of the rows of the same round.
func paired[T ofRound](one, other []T, of func(x, y T) float64) float64 {
	var v []float64
	for _, x := range one {
		for _, y := range other {
			if x.number() == y.number() {
				v = append(v, of(x, y))
			}
		}
	}
	slices.Sort(v)
	return report.Median(v)
}

func figure(applies, held bool) string {
	if !applies {
		return report.Nothing
	}
	return report.Verdict(held)
}

func (b *bench) reportLoad() {
	all := slices.Concat([]*proxy{{name: direct}}, b.proxies)
	title := fmt.Sprintf("As many requests as possible: %d connections, medians of %d rounds", b.clients, b.rounds)
	report.Table(b.out, title, "proxy\trequests/s\tof ReverseProxy's\tp50\tp99\tCPU per request\tfailed\trate >= 0.8x", func(line func(...string)) {
		for _, p := range all {
			rows := b.of(p.name, p.level, "")
			ratio := paired(rows, b.of(bare, "", ""), func(x, y row) float64 { return x.rate / y.rate })
			line(p.title(), report.Number(report.MedianOf(rows, rateOf), 0, ""), report.Number(ratio, 2, "x"),
				report.Number(report.MedianOf(rows, p50Of), 2, " ms"), report.Number(report.MedianOf(rows, p99Of), 2, " ms"), cpuCell(p, rows), failures(rows),
				figure(p.level == levels()[0], ratio >= rateFigure))
		}
	})
	for _, level := range levels() {
		title := fmt.Sprintf("Half as many as inith serves at level %s: what is added to the latency of the application", level)
		report.Table(b.out, title, "proxy\trequests/s\tp50\tadded\tp99\tadded\tabove ReverseProxy's\tCPU per request\tfailed\tp99 <= ReverseProxy's + 1 ms", func(line func(...string)) {
			for _, p := range all {
				rows := b.of(p.name, p.level, level)
				if len(rows) == 0 {
					continue
				}
				none, bareRows := b.of(direct, "", level), b.of(bare, "", level)
				above := paired(rows, bareRows, func(x, y row) float64 { return x.p99 - y.p99 })
				line(p.title(), report.Number(report.MedianOf(rows, rateOf), 0, ""),
					report.Number(report.MedianOf(rows, p50Of), 2, " ms"), report.Number(paired(rows, none, func(x, y row) float64 { return x.p50 - y.p50 }), 2, " ms"),
					report.Number(report.MedianOf(rows, p99Of), 2, " ms"), report.Number(paired(rows, none, func(x, y row) float64 { return x.p99 - y.p99 }), 2, " ms"),
					report.Number(above, 2, " ms"), cpuCell(p, rows), failures(rows), figure(p.level != "", above <= p99Figure))
			}
		})
	}
	report.Table(b.out, "Memory after that", "proxy\tVmHWM", func(line func(...string)) {
		for _, p := range b.proxies {
			line(p.title(), report.Number(p.memory("VmHWM"), 0, " MiB"))
		}
	})
}

func rateOf(r row) float64 { return r.rate }
func p50Of(r row) float64  { return r.p50 }
func p99Of(r row) float64  { return r.p99 }

func cpuCell(p *proxy, rows []row) string {
	if p.name == direct {
		return report.Nothing
	}
	return report.Number(report.MedianOf(rows, func(r row) float64 { return r.cpu }), 0, " µs")
}

func failures(rows []row) string {
	n := int64(0)
	for _, r := range rows {
		n += r.failed
	}
	return fmt.Sprint(n)
}

func (b *bench) reportStreams(all []*proxy, streams []stream) {
	of := func(p *proxy) (own []stream) {
		for _, s := range streams {
			if s.proxy == p {
				own = append(own, s)
			}
		}
		return own
	}
	event, slow, ended := func(s stream) float64 { return s.event }, func(s stream) float64 { return s.slow }, func(s stream) float64 { return s.ended }
	title := fmt.Sprintf("A stream of %d events, one each %v: when they reach the client; medians of %d rounds", b.events, between, b.rounds)
	report.Table(b.out, title, "proxy\tmedian event\tadded\tp99\tadded\tend\tadded\tevent and end <= 1 ms later", func(line func(...string)) {
		none := of(all[0])
		for _, p := range all {
			own := of(p)
			added := func(measure func(stream) float64) float64 {
				return paired(own, none, func(x, y stream) float64 { return measure(x) - measure(y) })
			}
			cells := []string{p.title()}
			for _, measure := range []func(stream) float64{event, slow, ended} {
				cells = append(cells, report.Number(report.MedianOf(own, measure), 3, " ms"), report.Number(added(measure), 3, " ms"))
			}
			line(append(cells, figure(p.level != "", added(event) <= eventFigure && added(ended) <= eventFigure))...)
		}
	})
}

func (b *bench) reportOpen(resident map[*proxy]float64) {
	title := fmt.Sprintf("%d open exchanges, each with a request of 32 KiB and 64 KiB of an answer; inith as in a container of 64 MiB", heldOpen)
	report.Table(b.out, title, "proxy\tresident\tVmHWM\tresident <= 64 MiB", func(line func(...string)) {
		for _, p := range b.proxies {
			line(p.title(), report.Number(resident[p], 0, " MiB"), report.Number(p.memory("VmHWM"), 0, " MiB"), figure(p.level != "", resident[p] <= memoryFigure))
		}
	})
}
