package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/inith/inith/integration/bench/report"
)

// rowsFile is where the single measurements are kept, one JSON object a line.
const rowsFile = "wait.jsonl"

// A row is one measurement: a run of a tool.
type row struct {
	Topic    string        `json:"topic"`
	Scenario string        `json:"scenario"`
	Tool     string        `json:"tool"`
	Level    string        `json:"level"`
	Versus   string        `json:"-"`    // the level of inith to compare with
	Pair     int           `json:"pair"` // runs with the same number belong together
	Ready    time.Duration `json:"ready_ns,omitempty"`
	Delay    time.Duration `json:"delay_ns,omitempty"` // from ready to exit
	Wall     time.Duration `json:"wall_ns"`
	CPU      time.Duration `json:"cpu_ns"`
	Peak     int64         `json:"peak_bytes,omitempty"` // VmHWM: of its largest process, or of its first one while waiting
	Code     int           `json:"exit_code"`
	Wrong    bool          `json:"wrong_ready,omitempty"` // exit 0 before the server was ready
	Failed   bool          `json:"failed,omitempty"`      // neither ready nor wrong
	Stderr   string        `json:"stderr,omitempty"`      // the end of it, where Failed
}

func (r *row) isInith() bool { return r.Tool == inithName }

// newRow describes a run of a tool that is still to be measured.
func newRow(topic, scenario string, t tool, pair int) row {
	return row{Topic: topic, Scenario: scenario, Tool: t.name, Level: t.level, Versus: t.versus, Pair: pair}
}

// cost notes what a run took.
func (r *row) cost(o outcome) {
	r.Wall, r.CPU, r.Code = o.end.Sub(o.start), o.cpu, o.code
}

func writeRows(dir string, rows []row) (err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, rowsFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	e := json.NewEncoder(f)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// A series is the rows of one tool at one level in one scenario.
type series struct {
	row
	rows []row
}

// seriesOf groups the rows of a scenario by tool and level, in the order in
// which tools are listed.
func seriesOf(rows []row, topic, scenario string, order []tool) []series {
	var all []series
	for _, t := range order {
		s := series{row: newRow(topic, scenario, t, 0)}
		for _, r := range rows {
			if r.Topic == topic && r.Scenario == scenario && r.Tool == t.name && r.Level == t.level {
				s.rows = append(s.rows, r)
			}
		}
		if len(s.rows) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// values returns a measure of the rows that have one.
func (s *series) values(measure func(row) (float64, bool)) []float64 {
	var v []float64
	for _, r := range s.rows {
		if x, ok := measure(r); ok {
			v = append(v, x)
		}
	}
	slices.Sort(v)
	return v
}

// ratio returns the median, over the pairs, of inith's measure divided by the
// peer's.
func ratio(inith, peer *series, measure func(row) (float64, bool)) (float64, bool) {
	mine := map[int]float64{}
	for _, r := range inith.rows {
		if x, ok := measure(r); ok {
			mine[r.Pair] = x
		}
	}
	var ratios []float64
	for _, r := range peer.rows {
		x, ok := measure(r)
		if m, both := mine[r.Pair]; ok && both && x > 0 {
			ratios = append(ratios, m/x)
		}
	}
	slices.Sort(ratios)
	return report.Median(ratios), len(ratios) > 0
}

// p90 expects sorted values. It is the nearest rank: no value is made up between
// two samples.
func p90(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return v[cmp.Or(int(math.Ceil(0.9*float64(len(v)))), 1)-1]
}
