package probe

import (
	"encoding/json"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// judgeExisting is for what is ready when it exists.
func judgeExisting([]byte) error { return nil }

// judgeKey: a ConfigMap or a Secret is ready when it has a key that is not empty.
func (o *kubeOptions) judgeKey(object []byte) error {
	var holder struct{ Data, BinaryData map[string]string }
	if err := json.Unmarshal(object, &holder); err != nil {
		return unreadable(err)
	}
	text, isText := holder.Data[o.key]
	binary, isBinary := holder.BinaryData[o.key]
	switch {
	case !isText && !isBinary:
		return &usererr.Error{Text: "it does not have the key (yet)"}
	case text == "" && binary == "":
		return &usererr.Error{Text: "the key is empty"}
	}
	return nil
}

// judgePVC: a claim is ready when it is bound.
func judgePVC(object []byte) error {
	var claim struct{ Status struct{ Phase string } }
	if err := json.Unmarshal(object, &claim); err != nil {
		return unreadable(err)
	}
	if claim.Status.Phase == "Bound" {
		return nil
	}
	return &usererr.Error{
		Text: "the pvc is not bound" + because(claim.Status.Phase),
		Hint: "check its StorageClass; with volumeBindingMode WaitForFirstConsumer, only a Pod that mounts it has it bound",
	}
}

// judgeCRD: a definition is ready when the API server serves its resources.
func judgeCRD(object []byte) error {
	return (&kubeOptions{condition: "Established"}).judgeCondition(object)
}

// judgeCondition: an object is ready when a condition has a status, as for kubectl wait --for=condition.
func (o *kubeOptions) judgeCondition(object []byte) error {
	name, want, given := strings.Cut(o.condition, "=")
	if !given {
		want = "True"
	}
	var held struct {
		kubeMeta

		Status struct {
			Conditions         []kubeCondition
			ObservedGeneration int64
		}
	}
	if err := json.Unmarshal(object, &held); err != nil {
		return unreadable(err)
	}
	for _, c := range held.Status.Conditions {
		if !strings.EqualFold(c.Type, name) {
			continue
		}
		observed := max(c.ObservedGeneration, held.Status.ObservedGeneration)
		switch {
		case observed > 0 && observed < held.Metadata.Generation:
			return &usererr.Error{Text: "its controller has not seen the last change yet"}
		case strings.EqualFold(c.Status, want):
			return nil
		}
		return &usererr.Error{Text: "the condition " + redact.Name(c.Type) + " is " + redact.Name(c.Status) + because(c.Reason)}
	}
	return &usererr.Error{Text: "it does not have the condition (yet)", Hint: "check the name of the condition: kubectl get -o yaml"}
}

// judgeJSONPath: an object is ready when a value of it is as asked.
func (o *kubeOptions) judgeJSONPath(object []byte) error {
	if err := o.jsonpath.judge(object); err != nil {
		return &usererr.Error{Text: "the object does not meet the condition of jsonpath", Err: err}
	}
	return nil
}
