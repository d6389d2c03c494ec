package probe

import (
	"encoding/json"
	"fmt"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A kubeCondition is one of an object.
type kubeCondition struct {
	Type, Status, Reason string
	ObservedGeneration   int64
}

// isTrue reports whether one of the conditions is True.
func isTrue(all []kubeCondition, name string) (kubeCondition, bool) {
	for _, c := range all {
		if c.Type == name && c.Status == "True" {
			return c, true
		}
	}
	return kubeCondition{}, false
}

// because returns the reason of a condition in brackets; its message may quote anything.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + redact.Name(reason) + ")"
}

// unreadable is the error for an object that has not the form of its kind.
func unreadable(err error) error {
	return &usererr.Error{Text: "the API server's answer is not an object of this kind", Err: err}
}

// judgeJob: a Job that is Complete is ready, and one that has failed will never be. A Pod of it that has failed is only a
// reason to start another one. https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup
func judgeJob(object []byte) error {
	var job struct {
		kubeMeta

		Spec struct {
			Suspend     bool
			Completions *int
		}
		Status struct {
			Conditions                []kubeCondition
			Active, Succeeded, Failed int
		}
	}
	if err := json.Unmarshal(object, &job); err != nil {
		return unreadable(err)
	}
	if _, complete := isTrue(job.Status.Conditions, "Complete"); complete {
		return nil
	}
	for _, name := range []string{"Failed", "FailureTarget"} {
		if c, failed := isTrue(job.Status.Conditions, name); failed {
			return Permanent(&usererr.Error{Text: "the job has failed" + because(c.Reason), Hint: jobRemedy(c.Reason)})
		}
	}
	if job.Metadata.DeletionTimestamp != nil {
		return &usererr.Error{Text: "the job is being deleted, and has not completed"}
	}
	if job.Spec.Suspend {
		return &usererr.Error{Text: "the job is suspended", Hint: "set its spec.suspend to false"}
	}
	total := 1
	if job.Spec.Completions != nil {
		total = *job.Spec.Completions
	}
	return &usererr.Error{Text: fmt.Sprintf("the job has not completed: %d of %d completions, %d active, %d failed",
		job.Status.Succeeded, total, job.Status.Active, job.Status.Failed)}
}

// jobRemedy says what to do about a Job that has failed.
func jobRemedy(reason string) string {
	switch reason {
	case "BackoffLimitExceeded":
		return "its Pods failed more often than backoffLimit allows: see kubectl logs of the job, fix the cause, delete the job and create it again"
	case "DeadlineExceeded":
		return "it ran for longer than activeDeadlineSeconds: delete the job and create it again with more"
	}
	return "see kubectl describe of the job, fix the cause, delete the job and create it again"
}
