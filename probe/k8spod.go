package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A kubePod is what inith reads of a Pod.
type kubePod struct {
	kubeMeta

	Status struct {
		Phase, Reason         string
		Conditions            []kubeCondition
		InitContainerStatuses []containerStatus
		ContainerStatuses     []containerStatus
	}
}

type containerStatus struct {
	Name             string
	State, LastState struct {
		Waiting    *struct{ Reason string }
		Terminated *struct {
			Reason   string
			ExitCode int
		}
	}
}

// judgePod: a Pod whose condition Ready is True, or that has succeeded, is ready. One that has failed stays so.
func judgePod(object []byte) error {
	var pod kubePod
	if err := json.Unmarshal(object, &pod); err != nil {
		return unreadable(err)
	}
	_, ready := isTrue(pod.Status.Conditions, "Ready")
	switch {
	case pod.Status.Phase == "Succeeded":
		return nil
	case pod.Status.Phase == "Failed":
		return Permanent(&usererr.Error{
			Text: "the pod has failed" + because(pod.Status.Reason) + pod.trouble().text(": "), Hint: pod.trouble().hint(),
		})
	case pod.Metadata.DeletionTimestamp != nil:
		return &usererr.Error{Text: "the pod is terminating"}
	case ready:
		return nil
	}
	return &usererr.Error{Text: "the pod is not ready" + pod.trouble().text(": "), Hint: pod.trouble().hint()}
}

// weighPod returns how a selected Pod counts. One that has failed or terminates is replaced by what has created it, and
// does not count.
func weighPod(object []byte, judge func([]byte) error) opinion {
	var pod kubePod
	if err := json.Unmarshal(object, &pod); err != nil {
		return opinion{err: unreadable(err)}
	}
	if pod.Status.Phase == "Failed" || pod.Metadata.DeletionTimestamp != nil {
		return opinion{}
	}
	err := judge(object)
	if err == nil {
		return opinion{ready: 1}
	}
	return opinion{err: err}
}

// judgePods: a selection is ready when so many of its Pods are; by default all, of which there is at least one.
func judgePods(pods map[string]opinion, least int) error {
	ready, total := 0, 0
	var first error
	for _, o := range sortedOpinions(pods) {
		if o.err != nil && first == nil {
			first = o.err
		}
		if o.err != nil || o.ready > 0 {
			total++
		}
		ready += o.ready
	}
	switch {
	case least > 0 && ready >= least || least == 0 && ready > 0 && ready == total:
		return nil
	case total == 0:
		return &usererr.Error{
			Text: "no pod that could become ready has these labels (yet)", Hint: "check the labels of the Pods: kubectl get pods --show-labels", Err: errAbsent,
		}
	}
	return &usererr.Error{Text: fmt.Sprintf("%d of %d selected pods are ready", ready, max(total, least)) + of(first), Hint: hintOf(first)}
}

// of returns the text of the error of one of several objects.
func of(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func hintOf(err error) string {
	if err == nil {
		return ""
	}
	return usererr.Hint(err)
}

// A kubeTrouble is why a Pod does not start. The zero value is none.
type kubeTrouble struct{ reason, container, pod string }

// trouble returns the first reason that the containers of a Pod have, or the scheduler.
func (p *kubePod) trouble() kubeTrouble {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if reason := c.trouble(); reason != "" {
			return kubeTrouble{reason, c.Name, p.Metadata.Name}
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return kubeTrouble{reason: c.Reason, pod: p.Metadata.Name}
		}
	}
	return kubeTrouble{}
}

// trouble returns why a container does not run; "" if it does, or is about to.
func (c *containerStatus) trouble() string {
	waiting, ended := c.State.Waiting, c.State.Terminated
	switch {
	case waiting != nil && waiting.Reason == "CrashLoopBackOff" && c.LastState.Terminated != nil:
		return fmt.Sprintf("CrashLoopBackOff with exit code %d", c.LastState.Terminated.ExitCode)
	case waiting != nil && !slices.Contains([]string{"", "PodInitializing", "ContainerCreating"}, waiting.Reason):
		return redact.Name(waiting.Reason)
	case ended != nil && ended.ExitCode != 0:
		return fmt.Sprintf("%s with exit code %d", redact.Name(ended.Reason), ended.ExitCode)
	}
	return ""
}

// text describes trouble after a separator; "" if there is none.
func (t kubeTrouble) text(separator string) string {
	switch {
	case t.reason == "":
		return ""
	case t.container == "":
		return separator + redact.Name(t.reason)
	}
	return separator + "container " + redact.Name(t.container) + " is in " + t.reason
}

func (t kubeTrouble) hint() string {
	if t.reason == "" {
		return ""
	}
	hint := "see kubectl describe pod " + redact.Name(t.pod)
	if t.container != "" {
		hint += ", and kubectl logs " + redact.Name(t.pod) + " -c " + redact.Name(t.container)
	}
	return hint
}

// errFound ends a list early.
var errFound = errors.New("found")
