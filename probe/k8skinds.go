package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// A kubeKind is a kind of object of Kubernetes.
type kubeKind struct {
	name     string   // as in job/NAME
	aliases  []string // that kubectl has too
	resource kube.Resource
	cluster  bool     // it belongs to no namespace
	pods     bool     // it has Pods, which may say why it is not ready
	slices   bool     // its EndpointSlices are asked, not itself
	keys     []string // of the fragment, which not every kind has

	// judge returns nil if an object, as JSON, is ready. It is not asked where a key of the fragment asks for something else.
	judge func(object []byte) error
}

// one returns the name with its article.
func (k *kubeKind) one() string {
	if strings.HasPrefix(k.name, "object ") {
		return "an " + k.name
	}
	return "a " + k.name
}

// kubeKinds is the table of kinds of objects.
func kubeKinds() []kubeKind {
	core := func(plural string) kube.Resource { return kube.Resource{Version: "v1", Plural: plural} }
	apps := func(plural string) kube.Resource { return kube.Resource{Group: "apps", Version: "v1", Plural: plural} }
	return []kubeKind{
		{
			name: "job", aliases: []string{"jobs", "job.batch"}, resource: kube.Resource{Group: "batch", Version: "v1", Plural: "jobs"},
			pods: true, keys: []string{"gone"}, judge: judgeJob,
		},
		{name: "pod", aliases: []string{"pods", "po"}, resource: core("pods"), judge: judgePod},
		{
			name: "service", aliases: []string{"services", "svc"}, slices: true, keys: []string{"ready"},
			resource: kube.Resource{Group: "discovery.k8s.io", Version: "v1", Plural: "endpointslices"},
		},
		{
			name: "deployment", aliases: []string{"deployments", "deploy", "deployment.apps"}, resource: apps("deployments"),
			pods: true, judge: judgeDeployment,
		},
		{
			name: "statefulset", aliases: []string{"statefulsets", "sts", "statefulset.apps"}, resource: apps("statefulsets"),
			pods: true, judge: judgeStatefulSet,
		},
		{
			name: "daemonset", aliases: []string{"daemonsets", "ds", "daemonset.apps"}, resource: apps("daemonsets"),
			pods: true, judge: judgeDaemonSet,
		},
		{name: "pvc", aliases: []string{"persistentvolumeclaim", "persistentvolumeclaims"}, resource: core("persistentvolumeclaims"), judge: judgePVC},
		{name: "configmap", aliases: []string{"configmaps", "cm"}, resource: core("configmaps"), keys: []string{"key"}, judge: judgeExisting},
		{name: "secret", aliases: []string{"secrets"}, resource: core("secrets"), keys: []string{"key"}, judge: judgeExisting},
		{
			name: "crd", aliases: []string{"crds", "customresourcedefinition", "customresourcedefinitions"}, cluster: true,
			resource: kube.Resource{Group: "apiextensions.k8s.io", Version: "v1", Plural: "customresourcedefinitions"}, judge: judgeCRD,
		},
	}
}

func kubeKindNames() []string {
	var all []string
	for _, k := range kubeKinds() {
		all = append(all, k.name)
	}
	return all
}

// kubeKindOf returns the kind of a name.
func kubeKindOf(name string) (kubeKind, error) {
	for _, k := range kubeKinds() {
		if k.name == name || slices.Contains(k.aliases, name) {
			return k, nil
		}
	}
	return kubeKind{}, fmt.Errorf("unknown kind of object%s%s, have %s, and GROUP/VERSION/PLURAL/NAME for any other resource",
		redact.Quoted(name), suggest.DidYouMean(name, kubeKindNames()), strings.Join(kubeKindNames(), ", "))
}
