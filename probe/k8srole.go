package probe

import (
	"cmp"
	"errors"
	"fmt"
	nethttp "net/http"
	"strings"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/usererr"
)

// A Permission is what a target asks of the API server of Kubernetes, as a rule of a Role has it.
type Permission struct {
	Namespace string   // "": that of the Pod
	Cluster   bool     // the resource belongs to no namespace
	Group     string   // "": the core group
	Resource  string   // the plural
	Names     []string // of the objects; nil: any
	Verbs     []string
	Optional  bool // only the reason why the target is not ready needs it
}

// A permitted is a Prober that needs permissions.
type permitted interface{ permissions() []Permission }

// Permissions returns what the service account of a Pod needs for the target, nil for kinds that ask no API server.
func (t *Target) Permissions() []Permission {
	if p, ok := t.prober.(permitted); ok {
		return p.permissions()
	}
	return nil
}

func (p *kubeObject) permissions() []Permission {
	own := Permission{
		Namespace: p.spec.url.Host, Cluster: p.kind.cluster,
		Group: p.selection.Group, Resource: p.selection.Plural, Verbs: []string{"get", "list", "watch"},
	}
	if p.selection.Name != "" {
		own.Names = []string{p.selection.Name}
	} else {
		own.Verbs = []string{"list", "watch"} // by labels
	}
	if !p.kind.pods {
		return []Permission{own}
	}
	return []Permission{own, {Namespace: own.Namespace, Resource: "pods", Verbs: []string{"list"}, Optional: true}}
}

// refusal explains an answer of the API server. One that refuses us may allow it soon: a Role may be on its way.
func (p *kubeObject) refusal(err error) error {
	e, ok := errors.AsType[*kube.StatusError](err)
	if errors.Is(err, kube.ErrNotInCluster) || errors.Is(err, kube.ErrUnusable) {
		return Permanent(err)
	}
	if !ok {
		return &usererr.Error{Text: err.Error(), Hint: usererr.Hint(err), Err: errors.Join(errElsewhere, err)}
	}
	if p.selection.Labels != "" && p.service == "" && e.Status == nethttp.StatusBadRequest {
		return Permanent(&usererr.Error{
			Text: "the API server does not accept the selector (status 400)", Hint: "write it as kubectl get pods --selector does, such as app=x,tier in (a,b)", Err: err,
		})
	}
	explained := &usererr.Error{Text: e.Error(), Hint: e.Advice(), Err: err}
	switch e.Status {
	case nethttp.StatusForbidden:
		explained.Hint = p.role() + "; this prints it: inith rbac " + quoted(p.spec.name())
		return Rejected(explained)
	case nethttp.StatusUnauthorized:
		return Rejected(explained)
	case nethttp.StatusNotFound: // a list has this status only where the resource is not known
		explained.Text = fmt.Sprintf("the API server does not have the resource %s of %s/%s (yet)",
			p.selection.Plural, cmp.Or(p.selection.Group, "core"), p.selection.Version)
		explained.Hint = "check that its CustomResourceDefinition is installed; add #scope=cluster if it belongs to no namespace"
	}
	return explained
}

// role describes the rule that is missing.
func (p *kubeObject) role() string {
	own := p.permissions()[0]
	names := ""
	if own.Names != nil {
		names = ", resourceNames: [" + strings.Join(own.Names, ", ") + "]"
	}
	kind, where := "Role", " in the namespace "+p.selection.Namespace
	if own.Cluster {
		kind, where = "ClusterRole", ""
	}
	return fmt.Sprintf("bind a %s to it%s with {apiGroups: [%q], resources: [%s]%s, verbs: [%s]}",
		kind, where, own.Group, own.Resource, names, strings.Join(own.Verbs, ", "))
}

// quoted quotes a target for a shell, if need be.
func quoted(name string) string {
	if strings.ContainsAny(name, "?&#* ()!") {
		return "'" + name + "'"
	}
	return name
}
