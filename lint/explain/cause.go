package explain

import (
	"slices"
	"strings"
)

// facts are what a row of the table is compared with.
type facts struct {
	state    string // the reason of a state, such as "ImagePullBackOff"
	message  string // of the kubelet, in lower case
	exit     int    // exit code; -1 if the container has not ended
	inith    bool   // the container runs inith
	init     bool   // it is an init container that has to end
	limited  bool   // it has a memory limit
	probeHit bool   // an Event says that a probe failed
}

// A row is a cause that is known. The first row that matches is the cause.
type row struct {
	match func(f facts) bool
	why   string
	fix   string
}

// cause returns why a container does not run, or is not ready.
func (c *container) cause(p *pod, events []event) (Cause, bool) {
	f, said := c.facts(events)
	if f.state == "" {
		return Cause{}, false
	}
	cause := Cause{Container: c.name, State: f.state, Message: said}
	for _, r := range rows() {
		if r.match(f) {
			cause.Why, cause.Fix = r.why, r.fix
			break
		}
	}
	if cause.Why == "" {
		return Cause{}, false
	}
	cause.Commands = c.commands(p, f)
	return cause, true
}

// facts collects what is known of a container, and what was said about it. Their state is "" for one that is as it should
// be, or that waits for another one.
func (c *container) facts(events []event) (facts, string) {
	f := facts{exit: -1, inith: c.runsInith(), init: c.init && !c.sidecar(), limited: c.spec.Resources.Limits["memory"] != nil}
	said := ""
	switch w, t, last := c.State.Waiting, c.State.Terminated, c.Last.Terminated; {
	case w != nil:
		f.state, said = w.Reason, w.Message
		if w.Reason == "CrashLoopBackOff" && last != nil {
			f.exit, said = last.ExitCode, last.Message
			f.setEnd(last)
		}
	case t != nil && (t.ExitCode != 0 || !f.init):
		f.state, f.exit, said = ended(t), t.ExitCode, t.Message
		f.setEnd(t)
	case c.State.Running != nil && f.init:
		f.state = "Running"
	case c.State.Running != nil && !c.Ready:
		f.state = "NotReady"
	}
	for _, e := range events {
		if e.Reason == "Unhealthy" && (f.state == "NotReady" || f.exit == 137) {
			f.probeHit, said = true, e.Message
		}
	}
	f.message = strings.ToLower(said)
	if f.inith {
		return f, lines(said)
	}
	return f, firstLine(said)
}

// lines returns the lines of a message of inith as one: the cause, and what to do about it.
func lines(s string) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range all {
		all[i] = strings.TrimSpace(line)
	}
	return strings.Join(all, "; ")
}

// setEnd notes that memory was the reason, whatever the container waits for now.
func (f *facts) setEnd(t *terminated) {
	if t.Reason == "OOMKilled" {
		f.state = "OOMKilled"
	}
}

// runsInith reports whether the command of a container, or else its image, is inith.
func (c *container) runsInith() bool {
	if len(c.spec.Command) > 0 {
		return base(c.spec.Command[0]) == "inith"
	}
	image, _, _ := strings.Cut(base(c.spec.Image), "@")
	image, _, _ = strings.Cut(image, ":")
	return image == "inith"
}

func base(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// commands returns what to run next.
func (c *container) commands(p *pod, f facts) []string {
	where := p.arguments()
	switch {
	case f.exit >= 0 && c.Last.Terminated != nil && c.State.Terminated == nil:
		return []string{"kubectl logs " + where + " -c " + c.name + " --previous"}
	case f.exit >= 0, f.state == "Running", f.state == "NotReady":
		return []string{"kubectl logs " + where + " -c " + c.name}
	}
	return []string{"kubectl describe pod " + where}
}

// arguments name the Pod for kubectl.
func (p *pod) arguments() string {
	if p.Metadata.Namespace == "" {
		return p.Metadata.Name
	}
	return p.Metadata.Name + " -n " + p.Metadata.Namespace
}

// cause returns why the Pod as a whole does not start.
func (p *pod) cause(events []event) (Cause, bool) {
	where := p.arguments()
	c := Cause{Commands: []string{"kubectl describe pod " + where}}
	scheduled := p.condition("PodScheduled")
	switch {
	case scheduled != nil && scheduled.Status == "False":
		c.State, c.Message = scheduled.Reason, firstLine(scheduled.Message)
		c.Why, c.Fix = unscheduled(strings.ToLower(scheduled.Message))
	case p.Status.Reason == "Evicted":
		c.State, c.Message = "Evicted", firstLine(p.Status.Message)
		c.Why = "the node had too little of a resource, and the kubelet ended this Pod"
		c.Fix = "set requests that match the use, and a sizeLimit on emptyDir volumes; its workload starts another one"
	case p.Status.Reason == "DeadlineExceeded":
		c.State, c.Why = "DeadlineExceeded", "activeDeadlineSeconds of the Pod has passed, which ends all its containers"
		c.Fix = "raise or remove activeDeadlineSeconds, and limit the init containers instead: inith wait --timeout"
	default:
		return volumeCause(c, events)
	}
	return c, true
}

// unscheduled returns what the scheduler's message means.
func unscheduled(message string) (why, fix string) {
	switch {
	case strings.Contains(message, "insufficient"):
		return "no node has the requested resources left", "lower the requests (the largest init container counts too), or add a node"
	case strings.Contains(message, "persistentvolumeclaim") || strings.Contains(message, "volume"):
		return "a claim is not bound, or its volume is in another zone", "check kubectl get pvc, and the StorageClass"
	case strings.Contains(message, "taint"):
		return "the nodes have taints that the Pod does not tolerate", "add a toleration, or use other nodes"
	case strings.Contains(message, "affinity") || strings.Contains(message, "selector"):
		return "no node matches the node selector or the affinity", "correct nodeSelector or affinity, or label a node"
	}
	return "no node accepts the Pod", "read what the scheduler says about each node"
}

// volumeCause finds volumes that cannot be mounted. Containers wait for them without a reason of their own.
func volumeCause(c Cause, events []event) (Cause, bool) {
	for _, e := range slices.Backward(events) {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume":
			c.State, c.Message = e.Reason, firstLine(e.Message)
			c.Why, c.Fix = "a volume cannot be mounted", "check that its ConfigMap, Secret or claim exists in this namespace, with these keys"
			return c, true
		case "FailedCreatePodSandBox", "NetworkNotReady":
			c.State, c.Message = e.Reason, firstLine(e.Message)
			c.Why, c.Fix = "the node cannot set up the network of the Pod", "check the network plugin on this node"
			return c, true
		}
	}
	return c, false
}
