package main

import (
	"fmt"
	"strings"

	"github.com/inith/inith/integration/bench/report"
)

// What a figure compares with, besides a program.
const (
	thePeer   = "the fastest peer"
	theBound  = "the bound"
	theCharge = "the cgroup"

	mostMemory = 32 // MiB resident, in any scenario
)

// A figure to hold: a ratio of times, or bytes charged.
type figure struct {
	of     string // a tool
	versus string
	most   float64
}

func fastest(most float64) figure { return figure{of: inithName, versus: thePeer, most: most} }

// A judgement is a figure after it was measured.
type judgement struct{ scenario, figure, reached, verdict string }

func (f figure) String() string {
	if f.versus == theCharge {
		return fmt.Sprintf("%s <= %.0f MiB charged to its cgroup", f.of, f.most/mib)
	}
	return fmt.Sprintf("%s <= %gx %s", f.of, f.most, f.versus)
}

func (b *bench) judgeSkipped(s scenario, why string) {
	for _, f := range s.figures {
		b.judge = append(b.judge, judgement{s.name, f.String(), "skipped: " + why, report.Nothing})
	}
}

func (b *bench) judgeScenario(s scenario, all []series) {
	for _, f := range s.figures {
		j := judgement{s.name, f.String(), "", report.Nothing}
		mine, ok := find(all, f.of)
		switch {
		case b.tools.inith == "" || !ok:
			j.reached = "not measured: no inith"
		case mine.good() < len(mine.rows):
			j.reached, j.verdict = result(mine), report.Verdict(false)
		case f.versus == theCharge:
			v := mine.values(charged)
			j.reached, j.verdict = fmt.Sprintf("%.0f MiB at most", v[len(v)-1]), report.Verdict(v[len(v)-1] <= f.most/mib)
		case f.versus == theBound:
			reached := report.Median(mine.values(wall)) / s.bound.Seconds()
			j.reached, j.verdict = fmt.Sprintf("%.2fx %s", reached, seconds(s.bound)), report.Verdict(reached <= f.most)
		default:
			b.compare(&j, f, mine, all)
		}
		b.judge = append(b.judge, j)
	}
}

// compare judges by the median over the rounds: what slows down a round slows
// down both.
func (b *bench) compare(j *judgement, f figure, mine series, all []series) {
	peer, ok := find(all, f.versus)
	if f.versus == thePeer {
		peer, ok = fastestPeer(all)
	}
	if !ok {
		j.reached = "not measured: " + f.versus + " is lacking, or fails"
		return
	}
	reached := ratio(mine, peer)
	j.reached = fmt.Sprintf("%.2fx %s (medians: %.2fx)", reached, peer.tool.name, report.Median(mine.values(wall))/report.Median(peer.values(wall)))
	if lacking := b.tools.lacking(); f.versus == thePeer && len(lacking) > 0 {
		j.reached += ", without " + strings.Join(lacking, " and ")
	}
	j.verdict = report.Verdict(reached <= f.most)
}

// reportFigures prints the figures of all scenarios together.
func (b *bench) reportFigures() {
	peak := 0.0
	for _, r := range b.rows {
		if r.isInith() && r.isGood() {
			peak = max(peak, memory(r))
		}
	}
	if peak > 0 {
		b.judge = append(b.judge, judgement{
			"all that was measured", fmt.Sprintf("VmHWM <= %d MiB", mostMemory), fmt.Sprintf("%.1f MiB at most", peak), report.Verdict(peak <= mostMemory),
		})
	}
	title := fmt.Sprintf("Figures, %d rounds", b.rounds)
	if b.quick {
		title += "; of smaller files than they are meant for"
	}
	report.Table(b.out, title, "scenario\tfigure\treached\t", func(line func(...string)) {
		for _, j := range b.judge {
			line(j.scenario, j.figure, j.reached, j.verdict)
		}
	})
}
