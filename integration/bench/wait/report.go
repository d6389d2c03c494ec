package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// The figures that inith holds itself to.
const (
	peakFigure      = 20 << 20
	openFigure      = 15 * time.Millisecond
	refusedFigure   = 100 * time.Millisecond
	answersFigure   = 300 * time.Millisecond
	figureOfWaiting = 30 * time.Second
	medianBase      = 15 * time.Millisecond
	p90Base         = 25 * time.Millisecond
	medianShare     = 0.03
	p90Share        = 0.06
	delayHeader     = "tool\tlevel\tn\twrong\tfailed\tmedian\tp90\tmin\tmax\tdelay/(15ms+3%T) median\tdelay/(25ms+6%T) p90\tinith/tool\tfigure"
	openHeader      = "tool\tlevel\tn\tfailed\tCPU median\tp90\tmin\tmax\tinith/tool\twall median\tinith/tool\tVmHWM median\tmax\tinith/tool\tCPU<=15ms\tVmHWM<=20MiB"
	waitingHeader   = "tool\tlevel\tCPU\tinith/tool\tVmHWM\tinith/tool\twaited\tresult\tCPU figure\tVmHWM<=20MiB"
	apart           = "apart" // the figure is for settle=0s
)

func factor(x float64, ok bool) string {
	if !ok {
		return report.Nothing
	}
	return strconv.FormatFloat(x, 'g', 2, 64) + "x"
}

// ratioCell compares a series with inith's at the level of it.
func ratioCell(all []series, s series, measure func(row) (float64, bool)) string {
	for i := range all {
		if all[i].isInith() && all[i].Level == s.Versus {
			return factor(ratio(&all[i], &s, measure))
		}
	}
	return report.Nothing
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func delayOf(r row) (float64, bool) { return milliseconds(r.Delay), !r.Wrong && !r.Failed }

// normalised returns the delay as a share of what the time waited allows.
func normalised(base time.Duration, share float64) func(row) (float64, bool) {
	return func(r row) (float64, bool) {
		return float64(r.Delay) / (float64(base) + share*float64(r.Ready)), !r.Wrong && !r.Failed
	}
}

func count(rows []row, is func(row) bool) string {
	n := 0
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return strconv.Itoa(n)
}

func wasWrong(r row) bool  { return r.Wrong }
func hasFailed(r row) bool { return r.Failed }

func (b *bench) reportDelay() {
	for _, sc := range b.delayScenarios() {
		all := seriesOf(b.rows, "delay", sc.name, b.tools.forKind(sc.kind))
		title := fmt.Sprintf("Delay from ready to exit: %s (T from %v to %v, seed %d)", sc.name, b.low, b.high, b.seed)
		report.Table(b.out, title, delayHeader, func(line func(...string)) {
			for _, s := range all {
				line(delayCells(all, s)...)
			}
		})
	}
}

func delayCells(all []series, s series) []string {
	d := s.values(delayOf)
	m, p := report.Median(s.values(normalised(medianBase, medianShare))), p90(s.values(normalised(p90Base, p90Share)))
	figure := report.Nothing
	switch {
	case s.isInith() && s.Level == "default settle":
		figure = apart
	case s.isInith():
		figure = report.Verdict(m <= 1 && p <= 1)
	}
	return []string{
		s.Tool, s.Level, strconv.Itoa(len(s.rows)), count(s.rows, wasWrong), count(s.rows, hasFailed),
		report.Number(report.Median(d), 1, "ms"), report.Number(p90(d), 1, "ms"), report.Number(least(d), 1, "ms"), report.Number(most(d), 1, "ms"),
		report.Number(m, 2, ""), report.Number(p, 2, ""), ratioCell(all, s, delayOf), figure,
	}
}

// least and most expect sorted values.
func least(v []float64) float64 { return report.Median(v[:min(1, len(v))]) }
func most(v []float64) float64  { return report.Median(v[max(0, len(v)-1):]) }
