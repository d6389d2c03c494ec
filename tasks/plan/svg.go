package plan

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"time"

	"github.com/inith/inith/internal/duration"
)

// Positions in the drawing, in pixels.
const (
	svgLeft   = 220 // of the bars
	svgWidth  = 760 // of the bars
	svgRow    = 26
	svgTop    = 64
	svgLegend = 34  // height, below the rows
	svgMargin = 130 // right of the bars, for their times
)

// The colors of bars.
const (
	colorDone      = "#60a5fa"
	colorCritical  = "#fb923c"
	colorFailed    = "#dc2626"
	colorCancelled = "#cbd5e1"
	colorWait      = "#c2410c" // of the line to the step that was waited for
	colorText      = "#64748b"
)

// SVG draws the report: a title with the plan's name and what became of it, a row for each step, the time to the
// right, steps on the critical path in a color of their own, a line from each of them to the one it waited for last,
// and a legend.
func (r Report) SVG() []byte {
	critical := r.CriticalPath()
	rows := svgTop + svgRow*len(r.Steps) + 16
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n",
		svgLeft+svgWidth+svgMargin, rows+svgLegend)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n"+`<text x="16" y="24" font-size="15">%s</text>`+"\n",
		html.EscapeString(r.title()))
	r.axis(&b, rows)
	for i, s := range r.Steps {
		r.row(&b, i, s, slices.Contains(critical, i))
	}
	for _, i := range critical {
		if need := r.lastNeed(i); need >= 0 {
			fmt.Fprintf(&b, `<path d="M%d %d V%d" stroke="%s" stroke-dasharray="2 2"/>`+"\n",
				r.x(r.Steps[i].Start), svgTop+svgRow*need+svgRow/2, svgTop+svgRow*i+svgRow/2, colorWait)
		}
	}
	legend(&b, rows)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// title is such as "plan.yaml: done in 12.4s (30.1s if run sequentially)".
func (r Report) title() string {
	name := "plan"
	if r.Name != "" {
		name = cut(r.Name, 60)
	}
	outcome := "done in"
	if state := r.State(); state != Done {
		outcome = state.String() + " after"
	}
	return fmt.Sprintf("%s: %s %s (%s if run sequentially)", name, outcome, seconds(r.Elapsed), seconds(r.Sum()))
}

// legend explains the colors, in a line below the rows.
func legend(b *bytes.Buffer, y int) {
	const width = 140 // of an entry
	x := svgLeft
	for _, entry := range []struct{ color, means string }{
		{colorDone, "done"},
		{colorCritical, "on the critical path"},
		{colorFailed, "failed"},
		{colorCancelled, "cancelled"},
	} {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="12" height="12" rx="3" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			x, y, entry.color, x+18, y+11, entry.means)
		x += width
	}
	fmt.Fprintf(b, `<path d="M%d %d V%d" stroke="%s" stroke-dasharray="2 2"/><text x="%d" y="%d">waited for</text>`+"\n",
		x+6, y-2, y+14, colorWait, x+18, y+11)
}

func (r Report) x(d time.Duration) int {
	return svgLeft + int(int64(svgWidth)*int64(min(d, r.Elapsed))/max(1, int64(r.Elapsed)))
}

// axis draws lines at round times, about eight of them.
func (r Report) axis(b *bytes.Buffer, bottom int) {
	gap := int64(time.Millisecond)
	for k := 0; int64(r.Elapsed)/gap > 8; k++ { // 1, 2, 5, 10, 20 ms and so on
		gap = gap * [...]int64{2, 5, 2}[k%3] / [...]int64{1, 2, 1}[k%3]
	}
	for t := time.Duration(0); t <= r.Elapsed; t += time.Duration(gap) {
		fmt.Fprintf(b, `<path d="M%[1]d %[2]d V%[3]d" stroke="#e2e8f0"/><text x="%[1]d" y="%[4]d" text-anchor="middle" fill="%[5]s">%[6]s</text>`+"\n",
			r.x(t), svgTop-8, bottom-12, svgTop-14, colorText, duration.Format(t))
	}
}

func (r Report) row(b *bytes.Buffer, i int, s StepReport, critical bool) {
	y := svgTop + svgRow*i
	fmt.Fprintf(b, `<text x="16" y="%d">%s <tspan fill="%s">%s</tspan></text>`+"\n",
		y+18, html.EscapeString(cut(s.Name, 24)), colorText, html.EscapeString(s.Kind))
	if s.State == Waiting {
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">not started</text>`+"\n", svgLeft, y+18, colorText)
		return
	}
	label := seconds(s.Took())
	if s.State != Done {
		label += " " + s.State.String()
	}
	from, to := r.x(s.Start), r.x(s.End)
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="3" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
		from, y+4, max(2, to-from), svgRow-8, barColor(s.State, critical), max(from+2, to)+6, y+18, label)
}

func barColor(s State, critical bool) string {
	switch {
	case s == Failed:
		return colorFailed
	case s == Cancelled:
		return colorCancelled
	case critical:
		return colorCritical
	default:
		return colorDone
	}
}
