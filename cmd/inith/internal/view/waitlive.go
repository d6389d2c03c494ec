package view

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/terminal"
	"github.com/inith/inith/probe"
)

// A waitLive draws a row for each target on a terminal, and redraws it.
type waitLive struct {
	screen *Screen
	rows   *terminal.Rows
	begun  time.Time
}

func (v *waitLive) begin(rows []waitRow) {
	v.begun = time.Now()
	v.draw(rows)
}

// event leaves it to the next beat: attempts can be many.
func (*waitLive) event(probe.Event) {}

func (v *waitLive) beat(rows []waitRow) { v.draw(rows) }

// draw draws the rows. A terminal that is gone does not end the wait.
func (v *waitLive) draw(rows []waitRow) {
	columns, _ := v.screen.Size()
	width, maximum := 0, max(10, columns/2)
	var names []string
	for _, r := range rows {
		names = append(names, r.target.Name)
		width = max(width, min(utf8.RuneCountInString(r.target.Name), maximum))
	}
	names = terminal.Fit(names, width)
	var drawn []terminal.Row
	for i, r := range rows {
		elapsed := time.Since(v.begun)
		if r.last.Done {
			elapsed = r.last.Elapsed
		}
		row := state(r.target, r.last)
		row.Text = fmt.Sprintf("%-*s  %-5s  %4d  %6.1fs  %s", width, names[i], r.target.Level, r.last.Attempt, elapsed.Seconds(), row.Text)
		drawn = append(drawn, row)
	}
	_ = v.rows.Draw(drawn)
}

// state returns the mark of a target and what is known of it.
func state(t *probe.Target, last probe.Event) terminal.Row {
	switch {
	case last.Err != nil && last.Done:
		return terminal.Row{Mark: "✗", Color: terminal.Red, Text: last.Err.Error()}
	case last.Err != nil:
		return terminal.Row{Mark: "…", Color: terminal.Yellow, Text: last.Err.Error()}
	case last.Done:
		return terminal.Row{Mark: "✓", Color: terminal.Green, Text: t.Goal(), Minor: true}
	case last.Attempt > 0:
		return terminal.Row{Mark: "…", Color: terminal.Yellow, Text: t.Goal() + ", asking again"}
	default:
		return terminal.Row{Mark: "…", Color: terminal.Yellow, Text: "waiting"}
	}
}
