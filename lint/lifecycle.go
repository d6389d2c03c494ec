package lint

import "slices"

// probeOnInit finds probes and hooks that the API server refuses.
func probeOnInit(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if policy := c.at("restartPolicy").text(); c.sidecar || policy != "" && policy != "Never" && policy != "OnFailure" {
			continue // a sidecar, or what is not known
		}
		for _, key := range []string{"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"} {
			if v := c.at(key); v.exists() {
				all = append(all, c.finding(v, "the API server refuses "+key+" on an init container", "remove it, or make the container a sidecar: restartPolicy: Always"))
			}
		}
	}
	return all
}

// deadlineOfPod finds a deadline that ends the Pods of a workload while they serve.
func deadlineOfPod(p *Pod, _ *Manifests) []Finding {
	deadline := p.spec.at("activeDeadlineSeconds")
	if !deadline.exists() || !slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}, p.kind) {
		return nil
	}
	return []Finding{deadline.finding("activeDeadlineSeconds ends the running application too, not only its init containers",
		"remove it; limit the init container instead, as inith wait --timeout does")}
}
