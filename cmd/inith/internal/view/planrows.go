package view

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/terminal"
	"github.com/inith/inith/tasks/plan"
)

// planRows draws a row for each step on a terminal. What steps write stands above, each line with the name of its step.
type planRows struct {
	output  Output
	rows    *terminal.Rows
	outputs map[string]*rowOutput // by step
	readers sync.WaitGroup

	mu     sync.Mutex // of what follows
	nodes  []plan.Node
	events []plan.Event
	starts []time.Time
}

// A rowOutput is where a step writes while rows are drawn.
type rowOutput struct {
	output Output
	write  *os.File // what it writes stands above the rows

	mu   sync.Mutex
	last string // line of its log: the text of its row
}

func (o *rowOutput) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// A rowHandler keeps the last record of a step, as text for its row.
type rowHandler struct {
	to    *rowOutput
	attrs []slog.Attr
}

func (*rowHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *rowHandler) Handle(_ context.Context, r slog.Record) error {
	h.to.mu.Lock()
	defer h.to.mu.Unlock()
	h.to.last = plain(r, h.attrs)
	return nil
}

func (h *rowHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &rowHandler{to: h.to, attrs: slices.Concat(h.attrs, attrs)}
}

func (h *rowHandler) WithGroup(string) slog.Handler { return h }

func (v *planRows) Step(name string) Output {
	if o := v.outputs[name]; o != nil { // a step that is opened again when its turn has come
		return o.output
	}
	o := &rowOutput{write: v.output.Stderr}
	v.outputs[name] = o
	read, write, err := os.Pipe()
	if err == nil {
		o.write = write
		v.readers.Go(func() { v.copy(name, read) })
	}
	log := slog.New(&rowHandler{to: o})
	out := Output{Log: log, Lines: log, Stdout: v.output.Stdout, Stderr: o.write}
	if term.IsTerminal(int(v.output.Stdout.Fd())) {
		out.Stdout = o.write
	}
	o.output = out
	return out
}

// copy prints what a step writes, until all that write to it have ended.
func (v *planRows) copy(name string, read *os.File) {
	defer func() { _ = read.Close() }()
	lines := bufio.NewReader(read)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			_ = v.rows.Print(name + " | " + line)
		}
		if err != nil {
			return
		}
	}
}

func (v *planRows) Start(nodes []plan.Node, _ time.Duration) (stop func()) {
	v.mu.Lock()
	v.nodes, v.events, v.starts = nodes, make([]plan.Event, len(nodes)), make([]time.Time, len(nodes))
	v.mu.Unlock()
	v.draw()
	return retry.Every(redraw, v.draw)
}

func (v *planRows) Notify(e plan.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.events[e.Node].State == plan.Waiting {
		v.starts[e.Node] = time.Now()
	}
	v.events[e.Node] = e
}

func (v *planRows) draw() {
	v.mu.Lock()
	defer v.mu.Unlock()
	columns, _ := v.output.Screen.Size()
	width := 0
	var names []string
	for _, n := range v.nodes {
		names = append(names, n.Name)
		width = max(width, min(len(n.Name), columns/3))
	}
	names = terminal.Fit(names, width)
	drawn := make([]terminal.Row, len(v.nodes))
	for i, n := range v.nodes {
		drawn[i] = v.row(i)
		drawn[i].Text = fmt.Sprintf("%-*s  %-8s %s", width, names[i], n.Kind, drawn[i].Text)
	}
	_ = v.rows.Draw(drawn) // a terminal that is gone does not end the plan
}

// row returns the state of a step.
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
	return terminal.Row{Mark: "…", Color: terminal.Yellow, Text: took + v.text(v.nodes[i])}
}

// text returns what a running step is doing: its own status, else what it logged last.
func (v *planRows) text(n plan.Node) string {
	if s, ok := n.Step.(interface{ Status() string }); ok {
		if status := s.Status(); status != "" {
			return status
		}
	}
	return v.outputs[n.Name].text()
}

// End waits for what steps have written, but not for what processes write that they have left behind.
func (v *planRows) End(r plan.Report) {
	for _, o := range v.outputs {
		if o.write != v.output.Stderr {
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
	v.draw()
	printTimeline(v.output, r)
}
