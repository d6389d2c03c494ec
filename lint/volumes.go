package lint

import (
	"path"
	"slices"
)

// danglingMount finds mounts of volumes that the Pod does not have, and two at one path.
func danglingMount(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.containers() {
		paths := map[string]bool{}
		for _, m := range c.at("volumeMounts").items() {
			name, at := m.at("name"), m.at("mountPath")
			if text := name.text(); text != "" && !isUnknown(text) && p.volume(text).node == nil && !slices.Contains(p.claims, text) {
				f := c.finding(name, "the Pod has no volume "+text, "declare it in volumes, or correct the name")
				if p.fragment {
					f.Severity = Info // it may be declared where the rest is
				}
				all = append(all, f)
			}
			if clean := path.Clean(at.text()); at.exists() && !m.at("subPath").exists() {
				if paths[clean] {
					all = append(all, c.finding(at, "two volumes are mounted at "+clean, "mount one of them elsewhere"))
				}
				paths[clean] = true
			}
		}
	}
	return all
}

// unlimitedVolume finds volumes that can fill the disk or the memory of a node.
func unlimitedVolume(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, v := range p.spec.at("volumes").items() {
		dir := v.at("emptyDir")
		if dir.node == nil || dir.at("sizeLimit").exists() {
			continue
		}
		f := dir.finding("the volume "+v.at("name").text()+" has no size limit: it can fill the disk of the node", "set emptyDir.sizeLimit")
		if dir.at("medium").text() == "Memory" {
			f.Message = "the volume " + v.at("name").text() + " is memory without a size limit: what is written to it counts against the memory limits"
		}
		all = append(all, f)
	}
	return all
}
