package lint

import "strings"

// classicSidecar finds sidecars among the application's containers, which may start after it and end before it.
func classicSidecar(p *Pod, _ *Manifests) []Finding {
	all := p.inWrongList()
	if len(p.app) < 2 {
		return all
	}
	for _, c := range p.app {
		name := knownSidecar(c.at("image").text())
		if name == "" {
			continue
		}
		f := c.finding(c.at("image"), name+" among the application's containers may start after the application, and stop before it",
			"move it to initContainers, with restartPolicy: Always (Kubernetes 1.29 and later)")
		if p.isJob() {
			f.Severity, f.Message = Error, name+" does not exit, so that the "+p.kind+" never completes"
		}
		all = append(all, f)
	}
	return all
}

// inWrongList finds sidecars whose restartPolicy has no effect: it makes a sidecar of an init container only. In a Pod that is
// not restarted, it may be what is meant.
func (p *Pod) inWrongList() []Finding {
	if policy := p.spec.at("restartPolicy").text(); policy != "" && policy != "Always" {
		return nil
	}
	var all []Finding
	for _, c := range p.app {
		if policy := c.at("restartPolicy"); policy.text() == "Always" && knownSidecar(c.at("image").text()) == "" {
			all = append(all, c.finding(policy, "restartPolicy: Always makes a sidecar of an init container, not of one in containers",
				"move the container to initContainers, or remove restartPolicy"))
		}
	}
	return all
}

// portConflict finds containers that listen on the same port of their common network.
func portConflict(p *Pod, _ *Manifests) []Finding {
	type port struct{ number, protocol string }
	owner := map[port]string{}
	var all []Finding
	for _, c := range p.running() {
		for _, v := range c.at("ports").items() {
			number := v.at("containerPort")
			id := port{number.text(), "TCP"}
			if protocol := v.at("protocol").text(); protocol != "" {
				id.protocol = strings.ToUpper(protocol)
			}
			switch other, taken := owner[id]; {
			case id.number == "" || isUnknown(id.number):
			case taken && other != c.name:
				all = append(all, c.finding(number, "port "+id.number+"/"+id.protocol+" is also that of container "+other+": the second one cannot listen",
					"give one of them another port"))
			default:
				owner[id] = c.name
			}
		}
	}
	return all
}
