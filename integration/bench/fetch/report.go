package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

const (
	header = "tool\tn\twall median (min-max)\tof it fsync\tCPU\tVmHWM\tinith/tool of medians\tby rounds"
)

func (b *bench) report(s scenario) {
	all := b.seriesOf(s)
	titles := header
	if s.limit > 0 {
		titles += "\tcgroup's peak\tlimit hits"
	}
	title := s.name
	if s.bound > 0 {
		title += fmt.Sprintf("; not less than %.2f s by physics", s.bound.Seconds())
	}
	report.Table(b.out, title, titles+"\tresult", func(line func(...string)) {
		for _, one := range all {
			line(cells(s, all, one)...)
		}
	})
	b.judgeScenario(s, all)
}

func cells(s scenario, all []series, one series) []string {
	inith, _ := find(all, inithName)
	c := []string{
		one.tool.name, fmt.Sprintf("%d of %d", one.good(), len(one.rows)),
		spread(one.values(wall), "%.2f", " s"), report.Number(report.Median(one.values(fsync)), 2, " s"),
		spread(one.values(cpu), "%.2f", " s"), spread(one.values(memory), "%.0f", " MiB"),
		report.Number(report.Median(inith.values(wall))/report.Median(one.values(wall)), 2, "x"), report.Number(ratio(inith, one), 2, "x"),
	}
	if s.limit > 0 {
		c = append(c, spread(one.values(charged), "%.0f", " MiB"),
			report.Number(report.Median(one.values(func(r row) float64 { return float64(r.Hits) })), 0, ""))
	}
	return append(c, result(one))
}

// result is how the last of the downloads ended that were not right.
func result(one series) string {
	text := "verified"
	if one.tool.yard {
		text = "no download"
	}
	for _, r := range one.rows {
		said, _, _ := strings.Cut(r.Stderr, "\n")
		switch {
		case r.Wrong:
			return "WRONG BYTES"
		case r.Killed > 0:
			text = fmt.Sprintf("OOM-killed after %.1f s", r.Wall.Seconds())
		case r.Failed:
			text = fmt.Sprintf("failed: exit %d %.60s", r.Code, said)
		}
	}
	return text
}

// spread is a median with the least and the most of sorted values.
func spread(v []float64, format, unit string) string {
	if len(v) == 0 {
		return report.Nothing
	}
	return fmt.Sprintf(format+" ("+format+"-"+format+")%s", report.Median(v), v[0], v[len(v)-1], unit)
}

func seconds(d time.Duration) string { return report.Number(d.Seconds(), 2, " s") }
