package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

func cpuOf(r row) (float64, bool)  { return milliseconds(r.CPU), !r.Failed }
func wallOf(r row) (float64, bool) { return milliseconds(r.Wall), !r.Failed }
func peakOfRow(r row) (float64, bool) {
	return float64(r.Peak) / (1 << 20), !r.Failed && r.Peak > 0
}

func (b *bench) reportOpen() {
	for _, kind := range []string{"tcp", "postgres", "redis", "https"} {
		all := seriesOf(b.rows, "open", kind, b.tools.forKind(kind))
		if len(all) == 0 {
			continue
		}
		report.Table(b.out, "Cost until exit on an open port: "+kind, openHeader, func(line func(...string)) {
			for _, s := range all {
				line(openCells(all, s)...)
			}
		})
	}
}

func openCells(all []series, s series) []string {
	cpu, wall, peak := s.values(cpuOf), s.values(wallOf), s.values(peakOfRow)
	cpuFigure, peakFigureCell := report.Nothing, report.Nothing
	if s.isInith() {
		cpuFigure = report.Verdict(report.Median(cpu) <= milliseconds(openFigure))
		peakFigureCell = report.Verdict(most(peak) <= peakFigure>>20)
	}
	return []string{
		s.Tool, s.Level, strconv.Itoa(len(s.rows)), count(s.rows, hasFailed),
		report.Number(report.Median(cpu), 1, "ms"), report.Number(p90(cpu), 1, "ms"), report.Number(least(cpu), 1, "ms"), report.Number(most(cpu), 1, "ms"), ratioCell(all, s, cpuOf),
		report.Number(report.Median(wall), 1, "ms"), ratioCell(all, s, wallOf),
		report.Number(report.Median(peak), 1, "MiB"), report.Number(most(peak), 1, "MiB"), ratioCell(all, s, peakOfRow), cpuFigure, peakFigureCell,
	}
}

func (b *bench) reportWaiting() {
	for _, sc := range waitingScenarios() {
		all := seriesOf(b.rows, "waiting", sc.name, b.tools.forKind(sc.kind))
		figure := answersFigure
		if sc.server == "refused" {
			figure = refusedFigure
		}
		title := fmt.Sprintf("Cost of %v of waiting: %s (figure: %v of CPU in %v)", b.waiting, sc.name, figure, figureOfWaiting)
		report.Table(b.out, title, waitingHeader, func(line func(...string)) {
			for _, s := range all {
				line(b.waitingCells(all, s, figure)...)
			}
		})
	}
}

// waitingCells has no medians: a series here is one long run.
func (b *bench) waitingCells(all []series, s series, figure time.Duration) []string {
	r := s.rows[0]
	cpu, peak := report.Median(s.values(cpuOf)), report.Median(s.values(peakOfRow))
	cpuFigure, peakCell := report.Nothing, report.Nothing
	if s.isInith() {
		peakCell = report.Verdict(peak <= peakFigure>>20)
		if b.waiting == figureOfWaiting {
			cpuFigure = report.Verdict(cpu <= milliseconds(figure))
		}
	}
	result := "waited to the end"
	switch {
	case r.Wrong:
		result = "WRONG READY"
	case r.Failed:
		result = "failed: exit " + strconv.Itoa(r.Code)
	}
	stillWaited := func(measure func(row) (float64, bool)) string {
		if r.Wrong {
			return report.Nothing // it did not wait
		}
		return ratioCell(all, s, measure)
	}
	return []string{
		s.Tool, s.Level, report.Number(cpu, 1, "ms"), stillWaited(cpuOf), report.Number(peak, 1, "MiB"), stillWaited(peakOfRow),
		r.Wall.Round(10 * time.Millisecond).String(), result, cpuFigure, peakCell,
	}
}

func (b *bench) wrongByInith() int {
	n := 0
	for _, r := range b.rows {
		if r.isInith() && r.Wrong {
			n++
			fmt.Fprintf(b.out, "wrong ready of inith: %s, %s, level %s, %s\n", r.Topic, r.Scenario, r.Level, strings.TrimSpace(r.Wall.String()))
		}
	}
	return n
}
