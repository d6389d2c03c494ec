package kube

import "net/http"

// A Resource is a kind of object.
type Resource struct{ Group, Version, Plural string }

// Leases are https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
func Leases() Resource {
	return Resource{Group: "coordination.k8s.io", Version: "v1", Plural: "leases"}
}

// An Object is one object in a namespace.
type Object struct {
	Resource

	Namespace, Name string
}

// path is that of the object, or for a POST that of all objects of its kind.
func (o Object) path(method string) string {
	path := "/apis/" + o.Group + "/" + o.Version + "/namespaces/" + o.Namespace + "/" + o.Plural
	if method == http.MethodPost {
		return path
	}
	return path + "/" + o.Name
}
