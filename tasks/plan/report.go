package plan

import (
	"slices"
	"time"
)

// A Report says what became of the steps of a plan, and when.
type Report struct {
	Name    string // of the plan
	Began   time.Time
	Elapsed time.Duration
	Steps   []StepReport // in the order of the plan
}

// A StepReport is a step in a report.
type StepReport struct {
	Name, Kind string
	Needs      []string
	State      State
	Start, End time.Duration // since the plan began; zero if the step has not
	Attempts   int
	Err        error
}

func newReport(p *Plan) Report {
	r := Report{Name: p.Name, Began: time.Now()}
	for _, n := range p.Nodes {
		r.Steps = append(r.Steps, StepReport{Name: n.Name, Kind: n.Kind, Needs: n.Needs})
	}
	return r
}

// Took is how long the step ran.
func (s StepReport) Took() time.Duration { return s.End - s.Start }

// CriticalPath returns the indexes of the steps that determined the end: the step that failed or ended last, and
// before each step the one of its needs that ended last. The plan is faster only if one of them is faster.
func (r Report) CriticalPath() []int {
	last := -1
	for i, s := range r.Steps {
		if s.State != Waiting && (last < 0 || s.State == Failed || s.End > r.Steps[last].End && r.Steps[last].State != Failed) {
			last = i
		}
	}
	var path []int
	for last >= 0 {
		path = append(path, last)
		last = r.lastNeed(last)
	}
	slices.Reverse(path)
	return path
}

// lastNeed returns the need of a step that ended last, or -1.
func (r Report) lastNeed(i int) int {
	last := -1
	for j, s := range r.Steps {
		if slices.Contains(r.Steps[i].Needs, s.Name) && (last < 0 || s.End > r.Steps[last].End) {
			last = j
		}
	}
	return last
}

// State returns what became of the plan: that of the step which ended it, or [Done].
func (r Report) State() State {
	state := Done
	for _, s := range r.Steps {
		switch s.State {
		case Failed:
			return Failed
		case Done:
		case Waiting, Running, Retrying, Cancelled:
			state = Cancelled
		}
	}
	return state
}

// Sum is how long the steps would have taken if run sequentially.
func (r Report) Sum() time.Duration {
	var sum time.Duration
	for _, s := range r.Steps {
		sum += s.Took()
	}
	return sum
}
