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
		r := plan.Report{Name: "<plan>.yaml", Elapsed: elapsed, Steps: []plan.StepReport{
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
		if bars != 3+4 || texts < 6+5 || texts > 35 { // the background, two bars and four of the legend; names, times and a few of the axis
			t.Errorf("%v: %d bars, %d texts in\n%s", elapsed, bars, texts, svg)
		}
		if !strings.Contains(string(svg), "a&lt;b&gt;&amp;") || !strings.Contains(string(svg), "&lt;plan&gt;.yaml: failed after ") {
			t.Error("a name is not escaped")
		}
	}
}

// TestSVGExplainsItself holds the drawing to name the plan, to say what became of it, and to explain its colors.
func TestSVGExplainsItself(t *testing.T) {
	t.Parallel()
	step := func(state plan.State) plan.StepReport {
		return plan.StepReport{Name: "step", State: state, End: 5 * time.Minute, Attempts: 1}
	}
	for _, test := range []struct {
		name   string
		states []plan.State
		want   string
	}{
		{"plan.yaml", []plan.State{plan.Done}, ">plan.yaml: done in 30m (5m if run sequentially)<"},
		{"", []plan.State{plan.Done, plan.Done}, ">plan: done in 30m (10m if run sequentially)<"},
		{"p", []plan.State{plan.Cancelled, plan.Failed}, ">p: failed after 30m (10m if run sequentially)<"},
		{"p", []plan.State{plan.Done, plan.Cancelled}, ">p: cancelled after 30m (10m if run sequentially)<"},
	} {
		r := plan.Report{Name: test.name, Elapsed: 30 * time.Minute}
		for _, s := range test.states {
			r.Steps = append(r.Steps, step(s))
		}
		svg := string(r.SVG())
		for _, want := range []string{test.want, ">5m", ">done<", ">on the critical path<", ">failed<", ">cancelled<", ">waited for<"} {
			if !strings.Contains(svg, want) {
				t.Errorf("no %s in\n%s", want, svg)
			}
		}
		if strings.Contains(svg, "m0s") {
			t.Errorf("a duration such as 5m0s in\n%s", svg)
		}
	}
}
