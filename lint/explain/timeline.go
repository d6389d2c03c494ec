package explain

import (
	"cmp"
	"slices"
	"time"
)

// timeline returns the steps of the start, in their order.
func (p *pod) timeline(now time.Time) []Event {
	var all []Event
	if c := p.condition("PodScheduled"); c != nil && c.Status == "True" && !p.Metadata.Created.IsZero() {
		all = append(all, Event{What: "scheduled", At: p.Metadata.Created, Took: c.Since.Sub(p.Metadata.Created)})
	}
	for _, c := range p.containers() {
		if e, ok := c.ran(now); ok {
			all = append(all, e)
		}
	}
	if c := p.condition("Ready"); c != nil && c.Status == "True" {
		all = append(all, Event{What: "ready", At: c.Since})
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	markSlowest(all)
	return all
}

// ran returns how long a container ran: an init container until it has ended, others only when they started.
func (c *container) ran(now time.Time) (Event, bool) {
	kind := map[bool]string{true: "init container ", false: "container "}[c.init]
	if c.sidecar() {
		kind = "sidecar "
	}
	switch t, r := cmp.Or(c.State.Terminated, c.Last.Terminated), c.State.Running; {
	case r != nil && c.init && !c.sidecar():
		return Event{What: kind + c.name + " (still runs)", At: r.Since, Took: -now.Sub(r.Since)}, true
	case r != nil:
		return Event{What: kind + c.name + " started", At: r.Since}, true
	case t != nil && !t.Started.IsZero():
		return Event{What: kind + c.name, At: t.Started, Took: t.Finished.Sub(t.Started)}, true
	}
	return Event{}, false
}

func markSlowest(all []Event) {
	slowest := -1
	for i, e := range all {
		if e.Took.Abs() > 0 && (slowest < 0 || e.Took.Abs() > all[slowest].Took.Abs()) {
			slowest = i
		}
	}
	if slowest >= 0 {
		all[slowest].Slowest = true
	}
}
