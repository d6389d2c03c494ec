package explain

import (
	"fmt"
	"slices"
)

// status returns what kubectl get pod prints in the column STATUS.
// https://kubernetes.io/docs/tasks/debug/debug-application/debug-init-containers/#understanding-pod-status
func (p *pod) status() string {
	status := p.Status.Phase
	if p.Status.Reason != "" {
		status = p.Status.Reason
	}
	if s, initializing := p.initStatus(); initializing {
		status = s
	} else if s := p.appStatus(); s != "" {
		status = s
	}
	if p.Metadata.Deleted != nil {
		if p.Status.Reason == "NodeLost" {
			return "Unknown"
		}
		return "Terminating"
	}
	return status
}

// initStatus returns the status while init containers run.
func (p *pod) initStatus() (status string, initializing bool) {
	all := join(p.Spec.Init, p.Status.Init, true)
	for i, c := range all {
		if c.done() || len(p.Status.Init) == 0 {
			continue
		}
		switch t, w := c.State.Terminated, c.State.Waiting; {
		case t != nil:
			return "Init:" + ended(t), true
		case w != nil && w.Reason != "" && w.Reason != "PodInitializing":
			return "Init:" + w.Reason, true
		}
		return fmt.Sprintf("Init:%d/%d", i, len(all)), true
	}
	return "", false
}

// appStatus returns the status of the application's containers, "" for that of the Pod.
func (p *pod) appStatus() string {
	status, running := "", false
	all := join(p.Spec.App, p.Status.App, false)
	for _, c := range slices.Backward(all) {
		switch s := c.State; {
		case s.Waiting != nil && s.Waiting.Reason != "":
			status = s.Waiting.Reason
		case s.Terminated != nil:
			status = ended(s.Terminated)
		case s.Running != nil && c.Ready:
			running = true
		}
	}
	if status == "Completed" && running {
		if ready := p.condition("Ready"); ready != nil && ready.Status == "True" {
			return "Running"
		}
		return "NotReady"
	}
	return status
}

// ended returns how a container has ended.
func ended(t *terminated) string {
	switch {
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return fmt.Sprintf("Signal:%d", t.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", t.ExitCode)
}
