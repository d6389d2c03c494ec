package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/lint"
)

// LintFormats returns the names of the formats of [WriteLint]; the first one is the default.
func LintFormats() []string { return []string{"text", "json", "sarif", "github"} }

// WriteLint writes the findings of a check of manifests in a format.
func WriteLint(w io.Writer, format string, r lint.Report) error {
	out := bufio.NewWriter(w)
	switch format {
	case "json":
		writeLintJSON(out, r)
	case "sarif":
		writeSARIF(out, r)
	case "github":
		for _, f := range r.Findings {
			fmt.Fprintln(out, lintAnnotation(f))
		}
	default:
		for _, f := range r.Findings {
			writeLintText(out, f)
		}
	}
	return out.Flush()
}

// WriteLintRules writes the table of rules.
func WriteLintRules(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, r := range lint.Rules() {
		fmt.Fprintf(out, "%-4s %-8s %-21s %s\n", r.ID, r.Severity, r.Name, r.Means)
	}
	return out.Flush()
}

// writeLintText writes a finding for people.
func writeLintText(w io.Writer, f lint.Finding) {
	where := strings.TrimSpace(f.Object + " " + f.Container)
	if where != "" {
		where += ": "
	}
	fmt.Fprintln(w, redact.Line(fmt.Sprintf("%s:%d:%d: %s %s: %s%s", f.Path, f.Line, f.Column, f.Severity, f.Rule, where, f.Message)))
	for line := range strings.Lines(f.Excerpt) {
		fmt.Fprintln(w, "   ", redact.Line(strings.TrimSuffix(line, "\n")))
	}
	if f.Fix != "" {
		fmt.Fprintln(w, "    fix:", redact.Line(f.Fix))
	}
}

// lintReport is what --format json writes. Its version changes when a field changes its meaning.
type lintReport struct {
	Version    int           `json:"version"`
	Findings   []lintFinding `json:"findings"`
	Objects    int           `json:"objects"`
	Pods       int           `json:"pods"`
	Suppressed int           `json:"suppressed"`
	Ignored    []string      `json:"ignored,omitempty"`
}

type lintFinding struct {
	Rule      string `json:"rule"`
	Severity  string `json:"severity"`
	Path      string `json:"path"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	Object    string `json:"object,omitempty"`
	Container string `json:"container,omitempty"`
	Message   string `json:"message"`
	Fix       string `json:"fix,omitempty"`
}

func writeLintJSON(w io.Writer, r lint.Report) {
	report := lintReport{Version: 1, Findings: []lintFinding{}, Objects: r.Objects, Pods: r.Pods, Suppressed: r.Suppressed, Ignored: r.Ignored}
	for _, f := range r.Findings {
		report.Findings = append(report.Findings, lintFinding{
			f.Rule, f.Severity.String(), f.Path, f.Line, f.Column, f.Object, f.Container, f.Message, f.Fix,
		})
	}
	writeIndented(w, report)
}

func writeIndented(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // nothing in it cannot be encoded; that of the writer is kept until Flush
}

// lintAnnotation is a finding as a workflow command.
func lintAnnotation(f lint.Finding) string {
	data, property := gitHubEscapes()
	level := map[lint.Severity]string{lint.Info: "notice", lint.Warning: "warning", lint.Error: "error"}[f.Severity]
	return fmt.Sprintf("::%s file=%s,line=%d,col=%d,title=%s::%s", level, property.Replace(f.Path), f.Line, f.Column, property.Replace(f.Rule),
		data.Replace(strings.TrimSuffix(f.Object+": "+f.Message+"\nfix: "+f.Fix, "\nfix: ")))
}
