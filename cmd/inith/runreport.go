package main

import (
	"encoding/json"
	"time"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/tasks/plan"
)

// jsonRun is the file of --report.
type jsonRun struct {
	Began        time.Time  `json:"began"`
	Seconds      float64    `json:"seconds"`
	Sum          float64    `json:"sum"` // of the seconds of all steps
	ExitCode     int        `json:"exitCode"`
	Error        string     `json:"error,omitempty"`
	CriticalPath []string   `json:"criticalPath"`
	Steps        []jsonStep `json:"steps"`
}

type jsonStep struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Needs    []string `json:"needs,omitempty"`
	State    string   `json:"state"`
	Start    float64  `json:"start"` // seconds since the plan began
	Seconds  float64  `json:"seconds"`
	Attempts int      `json:"attempts"`
	Error    string   `json:"error,omitempty"`
}

func reportJSON(r plan.Report, failed error) []byte {
	out := jsonRun{
		Began: r.Began.UTC().Round(time.Millisecond), Seconds: r.Elapsed.Seconds(), Sum: r.Sum().Seconds(),
		ExitCode: exitCode(failed), Error: errorText(failed), CriticalPath: []string{}, Steps: []jsonStep{},
	}
	for _, i := range r.CriticalPath() {
		out.CriticalPath = append(out.CriticalPath, r.Steps[i].Name)
	}
	for _, s := range r.Steps {
		out.Steps = append(out.Steps, jsonStep{
			Name: s.Name, Kind: s.Kind, Needs: s.Needs, State: s.State.String(), Start: s.Start.Seconds(),
			Seconds: s.Took().Seconds(), Attempts: s.Attempts, Error: errorText(s.Err),
		})
	}
	b, _ := json.MarshalIndent(out, "", "  ")
	return append(b, '\n')
}

// errorText is an error as a person gets to read it.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return redact.Line(err.Error())
}
