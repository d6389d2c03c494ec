package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inith/inith/internal/duration"
)

// Timeline draws the report, one line per step, with bars of at most width characters. A star marks the steps on the
// critical path, and the last line names them.
func (r Report) Timeline(width int) []string {
	const mostName = 24
	critical := r.CriticalPath()
	name, kind := 0, 0
	for _, s := range r.Steps {
		name, kind = max(name, min(mostName, utf8.RuneCountInString(s.Name))), max(kind, len(s.Kind))
	}
	lines := []string{fmt.Sprintf("timeline: %s total, %s if run sequentially; * is on the critical path", seconds(r.Elapsed), seconds(r.Sum()))}
	for i, s := range r.Steps {
		mark := " "
		if slices.Contains(critical, i) {
			mark = "*"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %-*s  %-*s  %-*s  %s", mark, name, cut(s.Name, name), kind, s.Kind, width, r.bar(s, width), s.text()), " "))
	}
	if len(critical) > 0 {
		lines = append(lines, "critical path: "+r.pathText(critical))
	}
	return lines
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// pathText formats a path, such as "database 4.1s, schema 6.0s".
func (r Report) pathText(path []int) string {
	var names []string
	for _, i := range path {
		names = append(names, r.Steps[i].Name+" "+seconds(r.Steps[i].Took()))
	}
	return strings.Join(names, ", ")
}

// bar draws when a step ran, with at least one character.
func (r Report) bar(s StepReport, width int) string {
	if s.State == Waiting || r.Elapsed <= 0 {
		return strings.Repeat(".", width)
	}
	at := func(d time.Duration) int { return int(int64(width) * int64(min(d, r.Elapsed)) / int64(r.Elapsed)) }
	from := min(at(s.Start), width-1)
	to := max(at(s.End), from+1)
	return strings.Repeat(".", from) + strings.Repeat("=", to-from) + strings.Repeat(".", width-to)
}

// text says when a step started, how long it took, and its state if it is not done.
func (s StepReport) text() string {
	if s.State == Waiting {
		return "not started"
	}
	text := fmt.Sprintf("%6s +%s", seconds(s.Start), seconds(s.Took()))
	if s.State != Done {
		text += "  " + s.State.String()
	}
	if s.Attempts > 1 {
		text += fmt.Sprintf("  %d attempts", s.Attempts)
	}
	return text
}

// seconds formats 12.4s, or 1m20.5s.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return duration.Format(d.Round(100 * time.Millisecond))
}
