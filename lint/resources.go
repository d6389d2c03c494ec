package lint

// noResources finds init containers without requests or without a memory limit.
func noResources(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		r := c.at("resources")
		switch {
		case !r.at("requests").exists() && !r.at("limits").exists():
			all = append(all, c.finding(c.value, "no resources: the container can starve the others of its node",
				"set requests, and a memory limit, such as requests {cpu: 10m, memory: 16Mi} and limits {memory: 64Mi}"))
		case !r.at("limits", "memory").exists():
			all = append(all, c.finding(r, "no memory limit", "set limits.memory"))
		}
	}
	return all
}
