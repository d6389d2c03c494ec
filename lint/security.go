package lint

import (
	"slices"
	"strings"
)

// unrestricted finds sidecars without a memory limit, or with more rights than they need, and privileged init containers.
func unrestricted(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if privileged := c.at("securityContext", "privileged"); privileged.text() == "true" {
			all = append(all, c.finding(privileged, "a privileged container has all rights of its node", "give it the one capability that it needs, or suppress this finding with the reason"))
			continue
		}
		if !c.sidecar {
			continue
		}
		if !c.at("resources", "limits", "memory").exists() {
			all = append(all, c.finding(c.at("resources"), "no memory limit: the sidecar can take the memory of the application", "set limits.memory"))
		}
		if missing := p.missingRestrictions(c); len(missing) > 0 {
			all = append(all, c.finding(c.at("securityContext"), "the sidecar has more rights than it needs", "set securityContext: {"+strings.Join(missing, ", ")+"}"))
		}
	}
	return all
}

// missingRestrictions returns what the securityContext of a container lacks. In a part of a specification, the Pod's own
// securityContext may be elsewhere.
func (p *Pod) missingRestrictions(c *container) []string {
	if p.spec.at("os", "name").text() == "windows" {
		return nil
	}
	own, ofPod := c.at("securityContext"), p.spec.at("securityContext")
	var missing []string
	if !p.fragment && !isNonRoot(own) && !isNonRoot(ofPod) {
		missing = append(missing, "runAsNonRoot: true")
	}
	if own.at("readOnlyRootFilesystem").text() != "true" {
		missing = append(missing, "readOnlyRootFilesystem: true")
	}
	if own.at("allowPrivilegeEscalation").text() != "false" {
		missing = append(missing, "allowPrivilegeEscalation: false")
	}
	if !slices.ContainsFunc(own.at("capabilities", "drop").texts(), func(s string) bool { return strings.EqualFold(s, "all") }) {
		missing = append(missing, "capabilities: {drop: [ALL]}")
	}
	return missing
}

// isNonRoot reports whether a securityContext rules out root.
func isNonRoot(context value) bool {
	user := context.at("runAsUser").text()
	return context.at("runAsNonRoot").text() == "true" || user != "" && user != "0"
}
