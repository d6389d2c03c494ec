package lint

// writableModel finds volumes that an init container fills, and that the application could change.
func writableModel(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	seen := map[string]bool{}
	for _, w := range p.downloads() {
		filled, mounted := w.container.mountOf(w.path)
		if !mounted || seen[filled.volume] {
			continue
		}
		seen[filled.volume] = true
		for _, c := range p.app {
			for _, m := range c.at("volumeMounts").items() {
				if m.at("name").text() == filled.volume && m.at("readOnly").text() != "true" {
					f := c.finding(m.at("name"), "the application can change what "+w.container.name+" has downloaded", "add readOnly: true")
					f.Edit = p.setReadOnly(m)
					all = append(all, f)
				}
			}
		}
	}
	return all
}

// wrongOwner finds volumes that two users write, and downloads into volumes that nobody can write.
func wrongOwner(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, w := range p.downloads() {
		m, mounted := w.container.mountOf(w.path)
		if kind := p.readOnlyVolume(m.volume); mounted && kind != "" {
			all = append(all, w.container.inScript(w.pos, w.path+" is in a volume of a "+kind+", which is read-only", "write to an emptyDir"))
		}
	}
	if p.spec.at("securityContext", "fsGroup").exists() {
		return all
	}
	writers := map[string]*container{} // the first one, by volume
	for _, c := range p.containers() {
		for _, m := range c.mounts() {
			first := writers[m.volume]
			switch {
			case m.readOnly || p.readOnlyVolume(m.volume) != "":
			case first == nil:
				writers[m.volume] = c
			case differ(p.user(first), p.user(c)):
				all = append(all, c.finding(c.at("volumeMounts"), "users "+p.user(first)+" and "+p.user(c)+" write to the volume "+m.volume+
					": one cannot change the files of the other", "set securityContext.fsGroup of the Pod, or one runAsUser"))
			}
		}
	}
	return all
}

// differ reports whether two users are known, and are not the same; root may write everything.
func differ(a, b string) bool { return a != "" && b != "" && a != b && a != "0" && b != "0" }

// user returns the user that a container runs as, "" if the image decides.
func (p *Pod) user(c *container) string {
	if own := c.at("securityContext", "runAsUser").text(); own != "" {
		return own
	}
	return p.spec.at("securityContext", "runAsUser").text()
}

// readOnlyVolume returns the kind of a volume that nobody can write to, "" for another volume.
func (p *Pod) readOnlyVolume(name string) string {
	volume := p.volume(name)
	for key, kind := range map[string]string{"configMap": "ConfigMap", "secret": "Secret", "projected": "projected source", "downwardAPI": "downward API"} {
		if volume.at(key).node != nil {
			return kind
		}
	}
	return ""
}

// staleConfig finds files of a ConfigMap or Secret that are mounted by subPath, and never change.
func staleConfig(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.containers() {
		for _, m := range c.at("volumeMounts").items() {
			kind := p.readOnlyVolume(m.at("name").text())
			if path := m.at("subPath"); path.exists() && kind != "" {
				all = append(all, c.finding(path, "with subPath, the container does not see a change of the "+kind, "mount the whole volume, if the application reloads its files"))
			}
		}
	}
	return all
}
