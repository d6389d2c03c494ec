package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
	"github.com/inith/inith/tasks/validate"
)

// findingsFormats are the ways in which problems are written.
func findingsFormats() map[string]func(io.Writer, validate.Report) {
	return map[string]func(io.Writer, validate.Report){"text": writeText, "json": writeJSON, "github": writeGitHub}
}

func findingsFormat(name string) (string, error) {
	name = cmp.Or(name, "text")
	if findingsFormats()[name] == nil {
		return "", usagef("--format: want text, json or github%s", suggest.DidYouMean(name, []string{"text", "json", "github"}))
	}
	return name, nil
}

// printFindings writes the problems to stdout; with a command that is its own,
// and they go to stderr.
func (j *validateJob) printFindings(r validate.Report) error {
	to := j.stdout
	if j.command != nil {
		to = j.stderr
	}
	out := bufio.NewWriter(to)
	findingsFormats()[j.format](out, r)
	return out.Flush()
}

// headline is a problem in a line: path:line:col: rule: message.
func headline(p validate.Problem) string {
	place := p.Path
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", place, p.Line)
		if p.Column > 0 {
			place = fmt.Sprintf("%s:%d", place, p.Column)
		}
	}
	return redact.Line(place + ": " + p.Rule + ": " + p.Message)
}

// foundFirst tells the first problems to those who see the termination log alone.
func foundFirst(err error) []failure {
	const most = 3
	var first []failure
	findings := isFindings(err)
	for _, f := range findings[:min(most, len(findings))] {
		first = append(first, failure{text: headline(f.Problem), hint: f.Hint})
	}
	return first
}

// writeText writes for people.
func writeText(w io.Writer, r validate.Report) {
	for _, f := range r.Findings {
		fmt.Fprintln(w, headline(f.Problem))
		for _, line := range f.Excerpt {
			fmt.Fprintln(w, "   ", redact.Line(line))
		}
		if f.Hint != "" {
			fmt.Fprintln(w, "    fix:", redact.Line(f.Hint))
		}
	}
}

// jsonReport is what --format json writes.
type jsonReport struct {
	Problems []jsonProblem `json:"problems"`
	Files    int           `json:"files"`
	Checks   int           `json:"checks"`
}

type jsonProblem struct {
	Path    string `json:"path"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func writeJSON(w io.Writer, r validate.Report) {
	report := jsonReport{Problems: []jsonProblem{}, Files: r.Files, Checks: r.Checks}
	for _, f := range r.Findings {
		report.Problems = append(report.Problems, jsonProblem(f.Problem))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(report) // nothing in it cannot be encoded; that of the writer is kept until Flush
}

// writeGitHub writes workflow commands, from which GitHub makes annotations.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func writeGitHub(w io.Writer, r validate.Report) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range r.Findings {
		message, properties := f.Message, []string{}
		if strings.HasPrefix(f.Path, "$") {
			message = f.Path + ": " + message
		} else {
			properties = append(properties, "file="+property.Replace(f.Path))
		}
		if f.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", f.Line))
		}
		if f.Column > 0 {
			properties = append(properties, fmt.Sprintf("col=%d", f.Column))
		}
		if f.Hint != "" {
			message += "\nfix: " + f.Hint
		}
		properties = append(properties, "title="+property.Replace(f.Rule))
		fmt.Fprintf(w, "::error %s::%s\n", strings.Join(properties, ","), data.Replace(message))
	}
}
