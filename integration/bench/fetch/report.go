package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	nothing = "-"
	header  = "tool\tn\twall median (min-max)\tof it fsync\tCPU\tVmHWM\tinith/tool of medians\tby rounds"
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
	inTable(b.out, title, titles+"\tresult", func(line func(...string)) {
		for _, one := range all {
			line(cells(s, all, one)...)
		}
	})
	b.judgeScenario(s, all)
}

// inTable writes a titled table.
func inTable(w io.Writer, title, titles string, rows func(line func(cells ...string))) {
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, titles+"\t")
	rows(func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") })
	_ = t.Flush()
}

func cells(s scenario, all []series, one series) []string {
	inith, _ := find(all, inithName)
	c := []string{
		one.tool.name, fmt.Sprintf("%d of %d", one.good(), len(one.rows)),
		spread(one.values(wall), "%.2f", " s"), number(median(one.values(fsync)), "%.2f", " s"),
		spread(one.values(cpu), "%.2f", " s"), spread(one.values(memory), "%.0f", " MiB"),
		number(median(inith.values(wall))/median(one.values(wall)), "%.2f", "x"), number(ratio(inith, one), "%.2f", "x"),
	}
	if s.limit > 0 {
		c = append(c, spread(one.values(charged), "%.0f", " MiB"),
			number(median(one.values(func(r row) float64 { return float64(r.Hits) })), "%.0f", ""))
	}
	return append(c, result(one))
}

// result is how the last of the downloads ended that were not right.
func result(one series) string {
	text := "verified"
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
		return nothing
	}
	return fmt.Sprintf(format+" ("+format+"-"+format+")%s", median(v), v[0], v[len(v)-1], unit)
}

func number(x float64, format, unit string) string {
	if math.IsNaN(x) { // there is no value
		return nothing
	}
	return fmt.Sprintf(format+"%s", x, unit)
}

func seconds(d time.Duration) string { return number(d.Seconds(), "%.2f", " s") }
