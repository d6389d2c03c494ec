package lint

import (
	"slices"

	"github.com/inith/inith/internal/suggest"
)

// A reference is what a Pod takes from a ConfigMap or a Secret.
type reference struct {
	at         value // the name
	key        value // missing for all of it
	kind, name string
	container  string
}

// wrongReference finds keys that a ConfigMap or Secret of the set does not have, and names that are nearly that of one.
// One that is not in the set may be in the cluster.
func wrongReference(p *Pod, m *Manifests) []Finding {
	var all []Finding
	for _, r := range p.references() {
		if isUnknown(r.name) || r.name == "" {
			continue
		}
		if f, wrong := r.check(m.of(r.kind)); wrong {
			f.Container = r.container
			all = append(all, f)
		}
	}
	return all
}

// check compares a reference with the objects of its kind.
func (r reference) check(objects *ofKind) (Finding, bool) {
	object, exists := objects.byName[r.name]
	if exists {
		key := r.key.text()
		f := r.key.finding("the "+r.kind+" "+r.name+" has no key "+key, "add the key, or correct its name")
		return f, r.key.exists() && !hasKey(object, key)
	}
	meant := suggest.Near(r.name, objects.names, 2)
	f := r.at.finding("there is no "+r.kind+" "+r.name+" in these manifests", "did you mean "+meant+"?")
	f.Severity = Warning
	return f, meant != ""
}

func hasKey(object value, key string) bool {
	return slices.ContainsFunc([]string{"data", "binaryData", "stringData"}, func(part string) bool { return object.at(part, key).node != nil })
}

// references returns what the Pod needs to start. What is optional is left out.
func (p *Pod) references() []reference {
	var all []reference
	for _, c := range p.containers() {
		for _, e := range c.at("env").items() {
			all = add(all, c.name, "ConfigMap", e.at("valueFrom", "configMapKeyRef"), "name", "key")
			all = add(all, c.name, "Secret", e.at("valueFrom", "secretKeyRef"), "name", "key")
		}
		for _, e := range c.at("envFrom").items() {
			all = add(all, c.name, "ConfigMap", e.at("configMapRef"), "name", "")
			all = add(all, c.name, "Secret", e.at("secretRef"), "name", "")
		}
	}
	for _, v := range p.spec.at("volumes").items() {
		all = addFiles(all, v, "secretName")
		for _, source := range v.at("projected", "sources").items() {
			all = addFiles(all, source, "name")
		}
	}
	return all
}

func addFiles(all []reference, v value, secretName string) []reference {
	all = add(all, "", "ConfigMap", v.at("configMap"), "name", "")
	all = add(all, "", "Secret", v.at("secret"), secretName, "")
	for kind, from := range map[string]value{"ConfigMap": v.at("configMap"), "Secret": v.at("secret")} {
		for _, item := range from.at("items").items() {
			name := from.at(map[string]string{"ConfigMap": "name", "Secret": secretName}[kind])
			if from.at("optional").text() != "true" {
				all = append(all, reference{at: name, key: item.at("key"), kind: kind, name: name.text()})
			}
		}
	}
	return all
}

func add(all []reference, container, kind string, from value, name, key string) []reference {
	if !from.exists() || from.at("optional").text() == "true" {
		return all
	}
	r := reference{at: from.at(name), kind: kind, name: from.at(name).text(), container: container}
	if key != "" {
		r.key = from.at(key)
	}
	return append(all, r)
}
