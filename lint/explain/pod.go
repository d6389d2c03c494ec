package explain

import (
	"encoding/json"
	"errors"
	"time"
)

// The parts of the API that are read: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
type (
	object struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name      string     `json:"name"`
			Namespace string     `json:"namespace"`
			UID       string     `json:"uid"`
			Created   time.Time  `json:"creationTimestamp"`
			Deleted   *time.Time `json:"deletionTimestamp"`
		} `json:"metadata"`
	}
	pod struct {
		object

		Spec struct {
			Init []containerSpec `json:"initContainers"`
			App  []containerSpec `json:"containers"`
		} `json:"spec"`
		Status struct {
			Phase      string            `json:"phase"`
			Reason     string            `json:"reason"`
			Message    string            `json:"message"`
			Conditions []condition       `json:"conditions"`
			Init       []containerStatus `json:"initContainerStatuses"`
			App        []containerStatus `json:"containerStatuses"`
		} `json:"status"`
	}
	containerSpec struct {
		Name          string   `json:"name"`
		Image         string   `json:"image"`
		Command       []string `json:"command"`
		Args          []string `json:"args"`
		RestartPolicy string   `json:"restartPolicy"`
		Resources     struct {
			Limits map[string]any `json:"limits"`
		} `json:"resources"`
	}
	containerStatus struct {
		Name     string `json:"name"`
		Ready    bool   `json:"ready"`
		Started  *bool  `json:"started"`
		Restarts int    `json:"restartCount"`
		State    state  `json:"state"`
		Last     state  `json:"lastState"`
	}
	state struct {
		Waiting *struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
		Running *struct {
			Since time.Time `json:"startedAt"`
		} `json:"running"`
		Terminated *terminated `json:"terminated"`
	}
	terminated struct {
		ExitCode int       `json:"exitCode"`
		Signal   int       `json:"signal"`
		Reason   string    `json:"reason"`
		Message  string    `json:"message"`
		Started  time.Time `json:"startedAt"`
		Finished time.Time `json:"finishedAt"`
	}
	condition struct {
		Type    string    `json:"type"`
		Status  string    `json:"status"`
		Reason  string    `json:"reason"`
		Message string    `json:"message"`
		Since   time.Time `json:"lastTransitionTime"`
	}
	event struct {
		object

		Reason   string `json:"reason"`
		Message  string `json:"message"`
		Note     string `json:"note"` // of events.k8s.io/v1
		Involved struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
			UID       string `json:"uid"`
		} `json:"involvedObject"`
		Regarding struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
			UID       string `json:"uid"`
		} `json:"regarding"`
	}
)

// A set is what the input holds.
type set struct {
	pods   []*pod
	events []event
}

func read(items []json.RawMessage) (*set, error) {
	s := &set{}
	for _, item := range items {
		var o object
		if err := json.Unmarshal(item, &o); err != nil {
			return nil, errors.New("an item of the list is no object of Kubernetes")
		}
		switch o.Kind {
		case "Pod":
			p := &pod{}
			if err := json.Unmarshal(item, p); err != nil {
				return nil, errors.New("the Pod has a field of an unexpected type")
			}
			s.pods = append(s.pods, p)
		case "Event":
			var e event
			if err := json.Unmarshal(item, &e); err != nil {
				return nil, errors.New("an Event has a field of an unexpected type")
			}
			s.events = append(s.events, e)
		}
	}
	return s, nil
}

// about returns the events of a Pod, newest last, as kubectl prints them.
func (s *set) about(p *pod) []event {
	var all []event
	for _, e := range s.events {
		of := e.Involved
		if of.Name == "" {
			of = e.Regarding
		}
		if of.Name == p.Metadata.Name && of.Namespace == p.Metadata.Namespace && (of.UID == "" || p.Metadata.UID == "" || of.UID == p.Metadata.UID) {
			if e.Message == "" {
				e.Message = e.Note
			}
			all = append(all, e)
		}
	}
	return all
}

// A container is one of a Pod, with its status.
type container struct {
	containerStatus

	spec containerSpec
	name string
	init bool
}

// sidecar reports whether it is an init container that keeps running.
func (c *container) sidecar() bool { return c.init && c.spec.RestartPolicy == "Always" }

// done reports whether the containers after it may start.
func (c *container) done() bool {
	if c.sidecar() {
		return c.Started != nil && *c.Started
	}
	return c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
}

// containers returns the init containers, then the application's.
func (p *pod) containers() []*container {
	return append(join(p.Spec.Init, p.Status.Init, true), join(p.Spec.App, p.Status.App, false)...)
}

func join(specs []containerSpec, statuses []containerStatus, init bool) []*container {
	byName := map[string]containerStatus{}
	for _, s := range statuses {
		byName[s.Name] = s
	}
	var all []*container
	for _, spec := range specs {
		all = append(all, &container{containerStatus: byName[spec.Name], spec: spec, name: spec.Name, init: init})
	}
	return all
}

// condition returns a condition of the Pod, nil if it has none of that type.
func (p *pod) condition(name string) *condition {
	for i, c := range p.Status.Conditions {
		if c.Type == name {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}
