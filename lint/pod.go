package lint

import (
	"cmp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A Pod is the specification of a Pod, in a Pod or in a workload that makes Pods.
type Pod struct {
	source

	kind        string // of the object that holds it, "Pod" where the file has a bare specification
	object      string // as findings show it
	fragment    bool   // a part is missing: the object around it, as in documentation, or what the base of a patch has
	workload    value  // the object
	spec        value
	annotations value
	claims      []string // names of the claim templates of a StatefulSet
	init, app   []*container
	suppressed  []suppression
}

// containers returns all containers.
func (p *Pod) containers() []*container { return slices.Concat(p.init, p.app) }

// annotation returns an annotation of the Pod.
func (p *Pod) annotation(name string) value { return p.annotations.at(name) }

// running returns the containers that run at the same time: sidecars and the application's.
func (p *Pod) running() []*container {
	return slices.DeleteFunc(p.containers(), func(c *container) bool { return c.runsToEnd() })
}

// A container is one of a Pod.
type container struct {
	value

	name    string
	init    bool
	sidecar bool // an init container with restartPolicy Always
	program program
}

// words returns the command and its arguments.
func (c *container) words() []string { return append(c.at("command").texts(), c.at("args").texts()...) }

// runsToEnd reports whether the next container starts only when this one has exited.
func (c *container) runsToEnd() bool { return c.init && !c.sidecar }

// finding returns a finding about a value of the container.
func (c *container) finding(at value, message, fix string) Finding {
	if at.node == nil {
		at = c.value
	}
	f := at.finding(message, fix)
	f.Container = c.name
	return f
}

// inScript returns a finding about a statement of the container's script.
func (c *container) inScript(pos syntax.Pos, message, fix string) Finding {
	f := c.finding(c.program.at, message, fix)
	if line, column, known := c.program.position(pos); known {
		f.Line, f.Column = line, column
	}
	return f
}

// isPatch reports whether an object is a part of one, for kustomize to merge: a whole one has a selector.
func isPatch(object value) bool {
	return strings.HasPrefix(object.at("apiVersion").text(), "apps/") && !object.at("spec", "selector").exists()
}

// podOf returns the Pod that an object specifies, nil if it is another kind of object. One of a kind that holds a Pod may
// lack its containers.
func podOf(object value, holdsPod bool, from source) *Pod {
	spec, template := specOf(object)
	if !holdsPod && !spec.at("containers").exists() && !spec.at("initContainers").exists() {
		return nil
	}
	kind := object.at("kind").text()
	p := &Pod{
		source: from, kind: cmp.Or(kind, "Pod"), fragment: kind == "" || isPatch(object), workload: object, spec: spec,
		suppressed: append(suppressions(object), suppressions(template)...),
	}
	p.annotations = template.at("metadata", "annotations")
	if p.kind == "Pod" {
		p.annotations = object.at("metadata", "annotations")
	}
	p.object = nameOf(object, p.kind)
	for _, claim := range object.at("spec", "volumeClaimTemplates").items() {
		p.claims = append(p.claims, claim.at("metadata", "name").text())
	}
	p.init = containers(spec.at("initContainers"), true, from.lines)
	p.app = containers(spec.at("containers"), false, from.lines)
	return p
}

// objectOf returns an object that holds no Pod. It may be a patch.
func objectOf(object value, from source) *Pod {
	kind := object.at("kind").text()
	return &Pod{source: from, kind: kind, object: nameOf(object, kind), fragment: true, workload: object, suppressed: suppressions(object)}
}

// nameOf returns what findings call an object.
func nameOf(object value, kind string) string {
	if name := cmp.Or(object.at("metadata", "name").text(), object.at("metadata", "generateName").text()); name != "" {
		return kind + "/" + name
	}
	return kind
}

// specOf returns the Pod specification of an object, and the template that has it. A document with only a specification
// at its root is read as one.
func specOf(object value) (spec, template value) {
	for _, path := range [][]string{
		{"spec", "jobTemplate", "spec", "template"}, // CronJob
		{"spec", "template"},                        // Deployment, StatefulSet, DaemonSet, ReplicaSet, Job
		{"template"},                                // PodTemplate
	} {
		if t := object.at(path...); t.at("spec", "containers").exists() {
			return t.at("spec"), t
		}
	}
	if object.at("kind").exists() || object.at("spec").exists() {
		return object.at("spec"), value{}
	}
	return object, value{}
}

func containers(list value, init bool, lines *lines) []*container {
	var all []*container
	for _, v := range list.items() {
		all = append(all, &container{
			value: v, name: v.at("name").text(), init: init, sidecar: init && v.at("restartPolicy").text() == "Always", program: readProgram(v, lines),
		})
	}
	return all
}

// isJob reports whether the Pod has to end.
func (p *Pod) isJob() bool { return p.kind == "Job" || p.kind == "CronJob" }
