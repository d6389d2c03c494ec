package view

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/tasks/plan"
)

// A Plan shows to a person how a plan is going, and gives its steps where they speak.
type Plan interface {
	// Step returns the output of a step: the same each time.
	Step(name string) Output
	// Start shows the steps before the first one runs, and how they go until stop.
	Start(nodes []plan.Node, timeout time.Duration) (stop func())
	Notify(e plan.Event)
	// End shows how all have ended.
	End(r plan.Report)
}

// NewPlan returns the view of a plan. One that is not run draws no rows.
func NewPlan(o Output, jsonLog, dryRun bool) Plan {
	if o.Live() && !dryRun {
		return &planRows{output: o, rows: o.Screen.Rows(), outputs: map[string]*rowOutput{}}
	}
	return &planLog{output: o.WithoutRows(), json: jsonLog, running: map[string]bool{}}
}

// A planLog writes a line when a step begins and ends, and a heartbeat.
type planLog struct {
	output Output
	json   bool

	nodes []plan.Node
	begun time.Time

	mu      sync.Mutex
	running map[string]bool
}

func (v *planLog) Step(name string) Output {
	o := v.output
	o.Log = o.Log.With("step", name)
	o.Lines = o.Log
	return o
}

func (v *planLog) Start(nodes []plan.Node, timeout time.Duration) (stop func()) {
	v.nodes, v.begun = nodes, time.Now()
	v.output.Log.Info("running", "steps", len(nodes), "timeout", duration.FormatLimit(timeout))
	return retry.Every(Heartbeat, v.beat)
}

func (v *planLog) Notify(e plan.Event) {
	n := v.nodes[e.Node]
	v.mu.Lock()
	v.running[n.Name] = e.State == plan.Running || e.State == plan.Retrying
	v.mu.Unlock()
	log := v.output.Log.With("step", n.Name, "kind", n.Kind)
	switch e.State {
	case plan.Running:
		log.Info("step started", "attempt", e.Attempt)
	case plan.Retrying:
		log.Warn("step failed, trying again", "attempt", e.Attempt, "pause_seconds", Seconds(e.Pause), "err", e.Err)
	case plan.Done:
		log.Info("step done", "elapsed_seconds", Seconds(e.Elapsed))
	case plan.Failed:
		log.Error("step failed", "elapsed_seconds", Seconds(e.Elapsed), "err", e.Err)
	default:
		log.Info("step cancelled", "elapsed_seconds", Seconds(e.Elapsed))
	}
}

func (v *planLog) beat() {
	v.mu.Lock()
	var names []string
	for _, n := range v.nodes {
		if v.running[n.Name] {
			names = append(names, n.Name)
		}
	}
	v.mu.Unlock()
	v.output.Log.Info("still running", "steps", strings.Join(names, " "), "elapsed_seconds", Seconds(time.Since(v.begun)))
}

func (v *planLog) End(r plan.Report) {
	if !v.json {
		printTimeline(v.output, r)
		return
	}
	critical := map[int]bool{}
	for _, i := range r.CriticalPath() {
		critical[i] = true
	}
	for i, s := range r.Steps {
		v.output.Log.Info("timeline", "step", s.Name, "state", s.State.String(), "start_seconds", Seconds(s.Start), "elapsed_seconds", Seconds(s.Took()), "critical", critical[i])
	}
}

// printTimeline shows a person where the time went.
func printTimeline(o Output, r plan.Report) {
	const bar = 30
	for _, line := range r.Timeline(bar) {
		_, _ = fmt.Fprintln(o.Stderr, "inith:", line)
	}
}
