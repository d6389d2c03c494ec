package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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
		inTable(b.out, "Cost until exit on an open port: "+kind, openHeader, func(line func(...string)) {
			for _, s := range all {
				line(openCells(all, s)...)
			}
		})
	}
}

func openCells(all []series, s series) []string {
	cpu, wall, peak := s.values(cpuOf), s.values(wallOf), s.values(peakOfRow)
	cpuFigure, peakFigureCell := nothing, nothing
	if s.isInith() {
		cpuFigure = verdict(median(cpu) <= milliseconds(openFigure))
		peakFigureCell = verdict(most(peak) <= peakFigure>>20)
	}
	return []string{
		s.Tool, s.Level, strconv.Itoa(len(s.rows)), count(s.rows, hasFailed),
		number(median(cpu), "ms"), number(p90(cpu), "ms"), number(least(cpu), "ms"), number(most(cpu), "ms"), ratioCell(all, s, cpuOf),
		number(median(wall), "ms"), ratioCell(all, s, wallOf),
		number(median(peak), "MiB"), number(most(peak), "MiB"), ratioCell(all, s, peakOfRow), cpuFigure, peakFigureCell,
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
		inTable(b.out, title, waitingHeader, func(line func(...string)) {
			for _, s := range all {
				line(b.waitingCells(all, s, figure)...)
			}
		})
	}
}

// waitingCells has no medians: a series here is one long run.
func (b *bench) waitingCells(all []series, s series, figure time.Duration) []string {
	r := s.rows[0]
	cpu, peak := median(s.values(cpuOf)), median(s.values(peakOfRow))
	cpuFigure, peakCell := nothing, nothing
	if s.isInith() {
		peakCell = verdict(peak <= peakFigure>>20)
		if b.waiting == figureOfWaiting {
			cpuFigure = verdict(cpu <= milliseconds(figure))
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
			return nothing // it did not wait
		}
		return ratioCell(all, s, measure)
	}
	return []string{
		s.Tool, s.Level, number(cpu, "ms"), stillWaited(cpuOf), number(peak, "MiB"), stillWaited(peakOfRow),
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
