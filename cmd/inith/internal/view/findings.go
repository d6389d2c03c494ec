package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/tasks/validate"
)

// FindingsFormats returns the names of the formats of [WriteFindings]; the first one is the default.
func FindingsFormats() []string { return []string{"text", "json", "github"} }

// WriteFindings writes the problems of a validation in a format.
func WriteFindings(w io.Writer, format string, r validate.Report) error {
	out := bufio.NewWriter(w)
	switch format {
	case "json":
		writeJSON(out, r)
	case "github":
		writeGitHub(out, r)
	default:
		writeText(out, r)
	}
	return out.Flush()
}

// Headline is a problem in a line: path:line:col: rule: message.
func Headline(p validate.Problem) string {
	place := p.Path
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", place, p.Line)
		if p.Column > 0 {
			place = fmt.Sprintf("%s:%d", place, p.Column)
		}
	}
	return redact.Line(place + ": " + p.Rule + ": " + p.Message)
}

// writeText writes for people.
func writeText(w io.Writer, r validate.Report) {
	for _, f := range r.Findings {
		fmt.Fprintln(w, Headline(f.Problem))
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
	Unread   []string      `json:"unread,omitempty"` // files of unknown formats
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
	report := jsonReport{Problems: []jsonProblem{}, Files: r.Files, Checks: r.Checks, Unread: r.Unread}
	for _, f := range r.Findings {
		report.Problems = append(report.Problems, jsonProblem(f.Problem))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(report) // nothing in it cannot be encoded; that of the writer is kept until Flush
}

// gitHubEscapes return what escapes the text and the properties of a workflow command.
func gitHubEscapes() (data, property *strings.Replacer) {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A"),
		strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
}

// writeGitHub writes workflow commands, from which GitHub makes annotations.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func writeGitHub(w io.Writer, r validate.Report) {
	data, property := gitHubEscapes()
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
