package kube

import (
	"net/http"
	"net/url"
)

// A Resource is a kind of object. The core group is "".
type Resource struct{ Group, Version, Plural string }

// Leases are https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
func Leases() Resource {
	return Resource{Group: "coordination.k8s.io", Version: "v1", Plural: "leases"}
}

// path is that of the objects of a namespace, or of all if that is "".
func (r Resource) path(namespace string) string {
	path := "/apis/" + r.Group + "/" + r.Version
	if r.Group == "" {
		path = "/api/" + r.Version
	}
	if namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	return path + "/" + r.Plural
}

// An Object is one object. Without a namespace, it belongs to the cluster.
type Object struct {
	Resource

	Namespace, Name string
}

// path is that of the object, or for a POST that of all objects of its kind.
func (o Object) path(method string) string {
	path := o.Resource.path(o.Namespace)
	if method == http.MethodPost {
		return path
	}
	return path + "/" + url.PathEscape(o.Name)
}

// A Selection is the objects of a resource that have a name or labels. An account that may list and watch one name
// only is allowed to do that for the selection of this name.
type Selection struct {
	Resource

	Namespace string // "": of the cluster
	Name      string // "": any
	Labels    string // a label selector; "": any
	Fields    string // a field selector for those without a Name; "": any
}

// query returns the parameters of a request for the selection.
func (s Selection) query() url.Values {
	q := url.Values{}
	switch {
	case s.Name != "":
		q.Set("fieldSelector", "metadata.name="+s.Name)
	case s.Fields != "":
		q.Set("fieldSelector", s.Fields)
	}
	if s.Labels != "" {
		q.Set("labelSelector", s.Labels)
	}
	return q
}
