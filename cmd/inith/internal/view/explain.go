package view

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/lint/explain"
)

// WriteExplanations writes why Pods do not start, as text or JSON.
func WriteExplanations(w io.Writer, format string, all []explain.Explanation) error {
	out := bufio.NewWriter(w)
	if format == "json" {
		writeIndented(out, explanations{Version: 1, Pods: jsonExplanations(all)})
		return out.Flush()
	}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		writeExplanation(out, e)
	}
	return out.Flush()
}

func writeExplanation(w io.Writer, e explain.Explanation) {
	line := func(indent, text string) { fmt.Fprintln(w, indent+redact.Line(text)) }
	line("", "Pod "+strings.TrimPrefix(e.Namespace+"/", "/")+e.Name+": "+cmp.Or(e.Status, "unknown"))
	if len(e.Causes) == 0 {
		line("  ", "nothing keeps it from running")
	}
	for _, c := range e.Causes {
		where := "container " + c.Container
		if c.Container == "" {
			where = "the Pod"
		}
		line("  ", where+": "+c.State+": "+c.Why)
		if c.Message != "" {
			line("    ", "message: "+c.Message)
		}
		line("    ", "fix: "+c.Fix)
		for _, command := range c.Commands {
			line("    ", "run: "+command)
		}
	}
	for _, f := range e.Findings {
		line("  ", "lint: "+f)
	}
	for _, s := range e.Timeline {
		line("  ", s.At.UTC().Format(time.TimeOnly)+"  "+step(s))
	}
}

// step describes a step of a start.
func step(s explain.Event) string {
	text := s.What
	if s.Took != 0 {
		text += "  " + s.Took.Abs().Round(time.Second).String()
	}
	if s.Slowest {
		text += "  (the slowest step)"
	}
	return text
}

// explanations are what --format json writes. Their version changes when a field changes its meaning.
type (
	explanations struct {
		Version int               `json:"version"`
		Pods    []jsonExplanation `json:"pods"`
	}
	jsonExplanation struct {
		Namespace string      `json:"namespace,omitempty"`
		Name      string      `json:"name"`
		Status    string      `json:"status"`
		Causes    []jsonCause `json:"causes"`
		Timeline  []jsonStep  `json:"timeline"`
		Findings  []string    `json:"findings,omitempty"`
	}
	jsonCause struct {
		Container string   `json:"container,omitempty"`
		State     string   `json:"state"`
		Message   string   `json:"message,omitempty"`
		Why       string   `json:"why"`
		Fix       string   `json:"fix"`
		Commands  []string `json:"commands"`
	}
	jsonStep struct {
		What    string    `json:"what"`
		At      time.Time `json:"at"`
		Seconds float64   `json:"seconds,omitempty"`
		Running bool      `json:"running,omitempty"`
		Slowest bool      `json:"slowest,omitempty"`
	}
)

func jsonExplanations(all []explain.Explanation) []jsonExplanation {
	converted := []jsonExplanation{}
	for _, e := range all {
		j := jsonExplanation{e.Namespace, e.Name, e.Status, []jsonCause{}, []jsonStep{}, e.Findings}
		for _, c := range e.Causes {
			j.Causes = append(j.Causes, jsonCause(c))
		}
		for _, s := range e.Timeline {
			j.Timeline = append(j.Timeline, jsonStep{s.What, s.At, s.Took.Abs().Seconds(), s.Took < 0, s.Slowest})
		}
		converted = append(converted, j)
	}
	return converted
}
