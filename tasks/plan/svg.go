package plan

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"time"
)

// Places in the drawing, in pixels.
const (
	svgLeft   = 220 // of the bars
	svgWidth  = 760 // of the bars
	svgRow    = 26
	svgTop    = 64
	svgMargin = 130 // right of the bars, for their times
)

// SVG draws the report: a row a step, the time to the right, steps on the critical
// path in a color of their own, and a line from each step to those that waited for
// it last.
func (r Report) SVG() []byte {
	critical := r.CriticalPath()
	height := svgTop + svgRow*len(r.Steps) + 16
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", svgLeft+svgWidth+svgMargin, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n"+`<text x="16" y="24" font-size="15">%s in all, %s one after another</text>`+"\n", seconds(r.Elapsed), seconds(r.Sum()))
	r.axis(&b, height)
	for i, s := range r.Steps {
		r.row(&b, i, s, slices.Contains(critical, i))
	}
	for _, i := range critical {
		if need := r.lastNeed(i); need >= 0 {
			fmt.Fprintf(&b, `<path d="M%d %d V%d" stroke="#c2410c" stroke-dasharray="2 2"/>`+"\n", r.x(r.Steps[i].Start), svgTop+svgRow*need+svgRow/2, svgTop+svgRow*i+svgRow/2)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (r Report) x(d time.Duration) int {
	return svgLeft + int(int64(svgWidth)*int64(min(d, r.Elapsed))/max(1, int64(r.Elapsed)))
}

// axis draws lines at round times, about eight of them.
func (r Report) axis(b *bytes.Buffer, height int) {
	gap := int64(time.Millisecond)
	for k := 0; int64(r.Elapsed)/gap > 8; k++ { // 1, 2, 5, 10, 20 ms and so on
		gap = gap * [...]int64{2, 5, 2}[k%3] / [...]int64{1, 2, 1}[k%3]
	}
	for t := time.Duration(0); t <= r.Elapsed; t += time.Duration(gap) {
		fmt.Fprintf(b, `<path d="M%[1]d %[2]d V%[3]d" stroke="#e2e8f0"/><text x="%[1]d" y="%[4]d" text-anchor="middle" fill="#64748b">%[5]v</text>`+"\n", r.x(t), svgTop-8, height-12, svgTop-14, t)
	}
}

func (r Report) row(b *bytes.Buffer, i int, s StepReport, critical bool) {
	y := svgTop + svgRow*i
	fmt.Fprintf(b, `<text x="16" y="%d">%s <tspan fill="#64748b">%s</tspan></text>`+"\n", y+18, html.EscapeString(cut(s.Name, 24)), html.EscapeString(s.Kind))
	if s.State == Waiting {
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#64748b">not started</text>`+"\n", svgLeft, y+18)
		return
	}
	color := "#60a5fa"
	switch {
	case s.State == Failed:
		color = "#dc2626"
	case s.State == Cancelled:
		color = "#cbd5e1"
	case critical:
		color = "#fb923c"
	}
	text := seconds(s.Took())
	if s.State != Done {
		text += " " + s.State.String()
	}
	from, to := r.x(s.Start), r.x(s.End)
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="3" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", from, y+4, max(2, to-from), svgRow-8, color, max(from+2, to)+6, y+18, text)
}
