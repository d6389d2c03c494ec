package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/usererr"
)

// A workload is what inith reads of a Deployment, a StatefulSet or a DaemonSet.
type workload struct {
	kubeMeta

	Spec struct {
		Replicas       *int
		UpdateStrategy struct {
			Type          string
			RollingUpdate struct{ Partition int }
		}
	}
	Status struct {
		ObservedGeneration int64
		Conditions         []kubeCondition

		Replicas, ReadyReplicas, UpdatedReplicas, AvailableReplicas int

		CurrentRevision, UpdateRevision string

		DesiredNumberScheduled, NumberReady, UpdatedNumberScheduled int
	}
}

// readWorkload reads an object. Until its controller has seen it, its status is that of an earlier version.
func readWorkload(object []byte) (w workload, err error) {
	if err := json.Unmarshal(object, &w); err != nil {
		return w, unreadable(err)
	}
	if w.Status.ObservedGeneration < w.Metadata.Generation {
		return w, &usererr.Error{Text: "its controller has not seen the last change yet"}
	}
	return w, nil
}

func (w *workload) replicas() int {
	if w.Spec.Replicas == nil {
		return 1
	}
	return *w.Spec.Replicas
}

// counted is the error for replicas that are not there yet.
func counted(n, total int, what string) error {
	return &usererr.Error{Text: fmt.Sprintf("%d of %d replicas are %s", n, total, what)}
}

// judgeDeployment: as kubectl rollout status, it is ready when all replicas are of its last version and available, and
// none of an earlier one is left.
func judgeDeployment(object []byte) error {
	w, err := readWorkload(object)
	if err != nil {
		return err
	}
	for _, c := range w.Status.Conditions {
		if c.Type == "Progressing" && c.Status == "False" {
			return &usererr.Error{Text: "the rollout of the deployment does not progress" + because(c.Reason), Hint: "see kubectl describe of the deployment and its Pods"}
		}
	}
	s, total := w.Status, w.replicas()
	switch {
	case s.UpdatedReplicas < total:
		return counted(s.UpdatedReplicas, total, "up to date")
	case s.Replicas > s.UpdatedReplicas:
		return &usererr.Error{Text: fmt.Sprintf("%d replicas of an earlier version are left", s.Replicas-s.UpdatedReplicas)}
	case s.AvailableReplicas < s.UpdatedReplicas:
		return counted(s.AvailableReplicas, s.UpdatedReplicas, "available")
	}
	return nil
}

// judgeStatefulSet: it is ready when all replicas are, and of its last version as far as its strategy updates them.
func judgeStatefulSet(object []byte) error {
	w, err := readWorkload(object)
	if err != nil {
		return err
	}
	s, total, partition := w.Status, w.replicas(), w.Spec.UpdateStrategy.RollingUpdate.Partition
	switch {
	case s.ReadyReplicas < total:
		return counted(s.ReadyReplicas, total, "ready")
	case w.Spec.UpdateStrategy.Type == "OnDelete":
		return nil
	case partition > 0 && s.UpdatedReplicas < total-partition:
		return counted(s.UpdatedReplicas, total-partition, "up to date")
	case partition == 0 && s.CurrentRevision != s.UpdateRevision:
		return counted(s.UpdatedReplicas, total, "up to date")
	}
	return nil
}

// judgeDaemonSet: it is ready when every node that should have a Pod has one that is ready and up to date.
func judgeDaemonSet(object []byte) error {
	w, err := readWorkload(object)
	if err != nil {
		return err
	}
	s := w.Status
	switch {
	case s.NumberReady < s.DesiredNumberScheduled:
		return counted(s.NumberReady, s.DesiredNumberScheduled, "ready")
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled && w.Spec.UpdateStrategy.Type != "OnDelete":
		return counted(s.UpdatedNumberScheduled, s.DesiredNumberScheduled, "up to date")
	}
	return nil
}

// podsOf returns the label selector of the Pods of a workload or Job; "" if it has no simple one.
func podsOf(object []byte) string {
	var o struct {
		Spec struct {
			Selector struct {
				MatchLabels      map[string]string
				MatchExpressions []json.RawMessage
			}
		}
	}
	if json.Unmarshal(object, &o) != nil || len(o.Spec.Selector.MatchExpressions) > 0 {
		return ""
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(o.Spec.Selector.MatchLabels)) {
		pairs = append(pairs, name+"="+o.Spec.Selector.MatchLabels[name])
	}
	return strings.Join(pairs, ",")
}

// withTrouble adds to an error why a Pod of the object does not start, where the account may read that.
func (p *kubeObject) withTrouble(ctx context.Context, err error) error {
	selector := p.objects[p.selection.Name].pods
	if selector == "" {
		return err
	}
	if time.Since(p.looked) >= minKubeWatch { // however often the object changes
		p.lookAtPods(ctx, selector)
	}
	if p.trouble.reason == "" {
		return err
	}
	return &usererr.Error{Text: err.Error() + p.trouble.text("; "), Hint: p.trouble.hint(), Err: err}
}

// lookAtPods finds the first Pod that does not start.
func (p *kubeObject) lookAtPods(ctx context.Context, selector string) {
	p.looked = time.Now()
	pods := kube.Selection{Resource: kube.Resource{Version: "v1", Plural: "pods"}, Namespace: p.selection.Namespace, Labels: selector}
	var found kubeTrouble
	_, err := p.api.List(ctx, pods, func(object json.RawMessage) error {
		var pod kubePod
		if json.Unmarshal(object, &pod) != nil {
			return nil //nolint:nilerr // it says nothing
		}
		if found = pod.trouble(); found.reason != "" {
			return errFound
		}
		return nil
	})
	if err == nil || found.reason != "" {
		p.trouble = found
	}
}
