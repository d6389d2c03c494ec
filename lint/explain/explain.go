// Package explain says why a Pod does not start, from what kubectl get pod -o json prints. [Explain] is the entry point.
//
// It knows every Pod, and says most about containers of inith, whose exit codes and termination messages it reads.
package explain

import (
	"encoding/json"
	"errors"
	"time"
)

// An Explanation is about one Pod.
type Explanation struct {
	Namespace, Name string
	Status          string // as kubectl get pod prints it, such as "Init:0/2"
	Causes          []Cause
	Timeline        []Event
	Findings        []string // of a linter about the containers that fail; the caller sets them
}

// A Cause is a reason why a Pod, or a container of it, does not run.
type Cause struct {
	Container string   // "" for the Pod as a whole
	State     string   // of the container, such as "CrashLoopBackOff"
	Message   string   // what the container, the kubelet or the scheduler said; "" if nothing
	Why       string   // what that means
	Fix       string   // what to do
	Commands  []string // to run next
}

// An Event is a step of the start of a Pod.
type Event struct {
	What    string
	At      time.Time
	Took    time.Duration // negative if the step has not ended; zero for a moment
	Slowest bool          // of the steps that took time
}

// ErrNoPod means that the input has no Pod.
var ErrNoPod = errors.New("no Pod: want the output of kubectl get pod NAME -o json")

// Explain explains each Pod of the input: a Pod, or a List of Pods and their Events. now is when they were printed.
func Explain(data []byte, now time.Time) ([]Explanation, error) {
	var list struct {
		object

		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, errors.New("not JSON: want the output of kubectl get pod NAME -o json")
	}
	items := list.Items
	if list.Kind == "Pod" {
		items = []json.RawMessage{data}
	}
	set, err := read(items)
	if err != nil {
		return nil, err
	}
	if len(set.pods) == 0 {
		return nil, ErrNoPod
	}
	var all []Explanation
	for _, p := range set.pods {
		all = append(all, explain(p, set, now))
	}
	return all, nil
}

func explain(p *pod, s *set, now time.Time) Explanation {
	e := Explanation{Namespace: p.Metadata.Namespace, Name: p.Metadata.Name, Status: p.status(), Timeline: p.timeline(now)}
	events := s.about(p)
	if c, ok := p.cause(events); ok {
		e.Causes = append(e.Causes, c)
		if p.Status.Reason != "" { // the containers end for this reason
			return e
		}
	}
	for _, c := range p.containers() {
		if cause, ok := c.cause(p, events); ok {
			e.Causes = append(e.Causes, cause)
		}
	}
	return e
}
