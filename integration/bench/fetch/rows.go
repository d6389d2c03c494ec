package main

import (
	"slices"
	"strings"

	"github.com/inith/inith/integration/bench/report"
)

// rowsFile is where the single measurements are kept, one JSON object a line.
const rowsFile = "fetch.jsonl"

// A row is one measurement: a download by a tool.
type row struct {
	Topic    string `json:"topic"`
	Scenario string `json:"scenario"`
	Tool     string `json:"tool"`
	Round    int    `json:"round"` // rows with the same number belong together; zero warmed up
	outcome
	charge
	Failed bool   `json:"failed,omitempty"` // the tool said so
	Wrong  bool   `json:"wrong,omitempty"`  // it did not, but the bytes are others
	Stderr string `json:"stderr,omitempty"` // the end of it, where Failed
}

func (r row) isInith() bool { return strings.HasPrefix(r.Tool, inithName) }
func (r row) isGood() bool  { return !r.Failed && !r.Wrong }

// The measures of a row.
func wall(r row) float64    { return r.Wall.Seconds() }
func fsync(r row) float64   { return r.Fsync.Seconds() }
func cpu(r row) float64     { return (r.User + r.System).Seconds() }
func memory(r row) float64  { return float64(r.outcome.Peak) / mib }
func charged(r row) float64 { return float64(r.charge.Peak) / mib }

// A series is the rows of one tool in one scenario, less its warm-up.
type series struct {
	tool tool
	rows []row
}

// seriesOf groups the rows of a scenario by tool, in the order in which tools
// are listed.
func (b *bench) seriesOf(s scenario) []series {
	var all []series
	for _, t := range b.tools.toolsFor(s) {
		one := series{tool: t}
		for _, r := range b.rows {
			if r.Scenario == s.name && r.Tool == t.name && r.Round > 0 {
				one.rows = append(one.rows, r)
			}
		}
		if len(one.rows) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// good returns how many downloads were right.
func (s series) good() int { return len(s.values(wall)) }

// values returns a measure of the downloads that were right, sorted.
func (s series) values(measure func(row) float64) []float64 {
	var v []float64
	for _, r := range s.rows {
		if r.isGood() {
			v = append(v, measure(r))
		}
	}
	slices.Sort(v)
	return v
}

// ratio returns the median, over the rounds, of the time of one tool divided by
// that of another. NaN: there is no round in which both were right.
func ratio(one, other series) float64 {
	var v []float64
	for _, r := range one.rows {
		for _, o := range other.rows {
			if r.Round == o.Round && r.isGood() && o.isGood() {
				v = append(v, wall(r)/wall(o))
			}
		}
	}
	slices.Sort(v)
	return report.Median(v)
}

// find returns the series of a tool by its name, or else by its program.
func find(all []series, name string) (series, bool) {
	for _, s := range all {
		if s.tool.name == name {
			return s, true
		}
	}
	var best series
	for _, s := range all {
		if s.tool.program == name && faster(s, best) {
			best = s
		}
	}
	return best, best.rows != nil
}

// fastestPeer returns the peer with the least median, of those that never failed.
func fastestPeer(all []series) (series, bool) {
	var best series
	for _, s := range all {
		if !s.tool.isInith() && !s.tool.yard && faster(s, best) {
			best = s
		}
	}
	return best, best.rows != nil
}

func faster(s, best series) bool {
	return s.good() == len(s.rows) && (best.rows == nil || report.Median(s.values(wall)) < report.Median(best.values(wall)))
}
