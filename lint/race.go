package lint

import "strconv"

// migrationRace finds migrations that several replicas run at the same time.
func migrationRace(p *Pod, m *Manifests) []Finding {
	if p.kind != "Deployment" || !p.scales(m) {
		return nil
	}
	var all []Finding
	for _, c := range p.init {
		program := c.program
		for _, call := range program.calls() {
			if preparation(call) == migrates && !call.has("--check", "--plan", "status", "validate") {
				all = append(all, c.inScript(call.pos, "each replica runs this migration, several at the same time",
					"run it as inith migrate --lock-from-env DATABASE_URL -- "+call.name()+" …, which has one replica migrate and the others wait"))
				break
			}
		}
	}
	return all
}

// scales reports whether a workload has more than one replica, or an autoscaler.
func (p *Pod) scales(m *Manifests) bool {
	if n, err := strconv.Atoi(p.workload.at("spec", "replicas").text()); err == nil && n > 1 {
		return true
	}
	for _, o := range m.of("HorizontalPodAutoscaler").all {
		target := o.at("spec", "scaleTargetRef")
		if target.at("kind").text() == p.kind && target.at("name").text() == p.workload.at("metadata", "name").text() {
			return true
		}
	}
	return false
}
