package plan_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/tasks/plan"
)

// TestSVG holds the drawing to be XML with a row for each step, whatever they are
// called and however long they took.
func TestSVG(t *testing.T) {
	t.Parallel()
	for _, elapsed := range []time.Duration{0, time.Nanosecond, time.Millisecond, 7 * time.Second, 3 * time.Hour} {
		r := plan.Report{Elapsed: elapsed, Steps: []plan.StepReport{
			{Name: "a<b>&\"c\"", Kind: "exec", State: plan.Done, End: elapsed / 2, Attempts: 1},
			{Name: "failed", Kind: "wait", Needs: []string{"a<b>&\"c\""}, State: plan.Failed, Start: elapsed / 2, End: elapsed, Attempts: 1, Err: errors.New("x")},
			{Name: "never", Kind: "fetch", Needs: []string{"failed"}},
		}}
		svg := r.SVG()
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		var texts, bars int
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v: %v in\n%s", elapsed, err, svg)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
				bars++
			} else if ok && e.Name.Local == "text" {
				texts++
			}
		}
		if bars != 3 || texts < 6 || texts > 30 { // the background and two bars; names, times and a few of the axis
			t.Errorf("%v: %d bars, %d texts in\n%s", elapsed, bars, texts, svg)
		}
		if !strings.Contains(string(svg), "a&lt;b&gt;&amp;") {
			t.Error("a name is not escaped")
		}
	}
}
