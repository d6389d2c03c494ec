package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/terminal"
	"github.com/inith/inith/tasks/plan"
)

// A planView shows to a person how a plan is going.
type planView interface {
	// begin shows the steps before the first one runs.
	begin(nodes []plan.Node, timeout time.Duration)
	notify(e plan.Event)
	// beat is called as time passes.
	beat()
	// end shows how all have ended.
	end(r plan.Report)
}

// A stepWriter gives steps where they write.
type stepWriter interface {
	step(name string) stepOutput
}

// A stepOutput is where a step of a plan writes.
type stepOutput struct {
	log            *slog.Logger
	stdout, stderr *os.File
}

// inStep returns what a step of a plan is for this process: another, without a
// command.
func (p *process) inStep(name string) *process {
	own := *p
	out := p.steps.step(name)
	own.log, own.stdout, own.stderr = out.log, out.stdout, out.stderr
	own.command, own.path = nil, ""
	return &own
}

func (p *process) newPlanView(dryRun bool) (planView, stepWriter) {
	if p.live() && !dryRun {
		_, plain := p.lookup("NO_COLOR")
		rows := &planRows{process: p, rows: terminal.New(p.stderr, p.size, !plain)}
		return rows, rows
	}
	lines := &planLog{process: p, running: map[string]bool{}}
	return lines, lines
}

// A planLog writes a line when a step begins and ends, and a heartbeat.
type planLog struct {
	*process

	nodes []plan.Node
	begun time.Time

	mu      sync.Mutex
	running map[string]bool
}

func (v *planLog) step(name string) stepOutput {
	return stepOutput{v.logger().With("step", name), v.stdout, v.stderr}
}

func (v *planLog) begin(nodes []plan.Node, timeout time.Duration) {
	v.nodes, v.begun = nodes, time.Now()
	v.logger().Info("running", "steps", len(nodes), "timeout", shortDuration(timeout))
}

func (v *planLog) notify(e plan.Event) {
	n := v.nodes[e.Node]
	v.mu.Lock()
	v.running[n.Name] = e.State == plan.Running || e.State == plan.Retrying
	v.mu.Unlock()
	log := v.logger().With("step", n.Name, "kind", n.Kind)
	elapsed := e.Elapsed.Round(time.Millisecond).String()
	switch e.State {
	case plan.Running:
		log.Info("step started", "attempt", e.Attempt)
	case plan.Retrying:
		log.Warn("step failed, trying again", "attempt", e.Attempt, "pause", e.Pause.Round(time.Millisecond).String(), "err", e.Err)
	case plan.Done:
		log.Info("step done", "elapsed", elapsed)
	case plan.Failed: // why is told at the end
		log.Error("step failed", "elapsed", elapsed)
	default:
		log.Info("step cancelled", "elapsed", elapsed)
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
	v.logger().Info("still running", "steps", strings.Join(names, " "), "elapsed", time.Since(v.begun).Round(time.Second).String())
}

func (v *planLog) end(r plan.Report) {
	if !v.output.json {
		v.printTimeline(r)
		return
	}
	critical := map[int]bool{}
	for _, i := range r.CriticalPath() {
		critical[i] = true
	}
	for i, s := range r.Steps {
		v.logger().Info("timeline", "step", s.Name, "state", s.State.String(), "start", s.Start.Seconds(), "seconds", s.Took().Seconds(), "critical", critical[i])
	}
}

// printTimeline tells a person where the time went.
func (p *process) printTimeline(r plan.Report) {
	const bar = 30
	for _, line := range r.Timeline(bar) {
		_, _ = fmt.Fprintln(p.stderr, "inith:", line)
	}
}

// planRows draws a row a step on a terminal. What steps write appears above, each
// line with the name of its step.
type planRows struct {
	*process

	outputs []*rowOutput
	readers sync.WaitGroup

	mu     sync.Mutex // of what follows
	rows   *terminal.Rows
	nodes  []plan.Node
	events []plan.Event
	starts []time.Time
}

// A rowOutput is where a step writes while rows are drawn.
type rowOutput struct {
	write *os.File // what it writes appears above the rows

	mu   sync.Mutex
	last string // line of its log: the text of its row
}

// Write takes a line of the log.
func (o *rowOutput) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = strings.TrimPrefix(strings.TrimSpace(string(line)), "msg=")
	return len(line), nil
}

func (o *rowOutput) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (v *planRows) step(name string) stepOutput {
	o := &rowOutput{write: v.stderr}
	v.outputs = append(v.outputs, o)
	if read, write, err := os.Pipe(); err == nil {
		o.write = write
		v.readers.Go(func() { v.copy(name, read) })
	}
	out := stepOutput{log: slog.New(slog.NewTextHandler(o, &slog.HandlerOptions{ReplaceAttr: withoutTime})), stdout: v.stdout, stderr: o.write}
	if isTerminal(v.stdout) {
		out.stdout = o.write
	}
	return out
}

// withoutTime leaves of a log line what a row does not have.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// copy prints what a step writes, until all that write to it have ended.
func (v *planRows) copy(name string, read *os.File) {
	defer func() { _ = read.Close() }()
	lines := bufio.NewReader(read)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			v.mu.Lock()
			_ = v.rows.Print(name + " | " + line)
			v.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (v *planRows) begin(nodes []plan.Node, _ time.Duration) {
	v.mu.Lock()
	v.nodes, v.events, v.starts = nodes, make([]plan.Event, len(nodes)), make([]time.Time, len(nodes))
	v.mu.Unlock()
	v.beat()
}

func (v *planRows) notify(e plan.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.events[e.Node].State == plan.Waiting {
		v.starts[e.Node] = time.Now()
	}
	v.events[e.Node] = e
}

func (v *planRows) beat() {
	v.mu.Lock()
	defer v.mu.Unlock()
	width := 0
	for _, n := range v.nodes {
		width = max(width, len(n.Name))
	}
	drawn := make([]terminal.Row, len(v.nodes))
	for i, n := range v.nodes {
		drawn[i] = v.row(i)
		drawn[i].Text = fmt.Sprintf("%-*s  %-8s %s", width, n.Name, n.Kind, drawn[i].Text)
	}
	_ = v.rows.Draw(drawn) // that the terminal is gone is no reason to stop
}

// row tells the state of a step.
func (v *planRows) row(i int) terminal.Row {
	e := v.events[i]
	elapsed := e.Elapsed
	if e.State == plan.Running || e.State == plan.Retrying {
		elapsed = time.Since(v.starts[i])
	}
	took := fmt.Sprintf("%6.1fs  ", elapsed.Seconds())
	switch e.State {
	case plan.Waiting:
		return terminal.Row{Mark: " ", Text: "         after " + strings.Join(v.nodes[i].Needs, ", "), Minor: true}
	case plan.Done:
		return terminal.Row{Mark: "✓", Color: terminal.Green, Text: took + "done", Minor: true}
	case plan.Failed, plan.Cancelled:
		return terminal.Row{Mark: "✗", Color: terminal.Red, Text: took + e.State.String()}
	}
	text := v.outputs[i].text()
	if s, ok := v.nodes[i].Step.(interface{ status() string }); ok && s.status() != "" {
		text = s.status()
	}
	return terminal.Row{Mark: "…", Color: terminal.Yellow, Text: took + text}
}

// end waits for what steps have written, but not for what processes write that they
// have left behind.
func (v *planRows) end(r plan.Report) {
	for _, o := range v.outputs {
		if o.write != v.stderr {
			_ = o.write.Close()
		}
	}
	all := make(chan struct{})
	go func() {
		v.readers.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-time.After(redraw):
	}
	v.beat()
	v.printTimeline(r)
}
