package lint

import "slices"

// heavyStart finds application containers that prepare themselves in a shell before they start.
func heavyStart(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.app {
		program := c.program
		if program.script == nil || p.isJob() {
			continue
		}
		calls := program.calls()
		if len(calls) < 2 {
			continue
		}
		for _, call := range calls[:len(calls)-1] {
			if what := preparation(call); what != "" {
				all = append(all, c.inScript(call.pos, call.name()+" "+what+" at each start, and a failure shows only in the log of the application",
					"do it in an init container"))
				break
			}
		}
	}
	return all
}

const migrates = "migrates the database"

// preparation says what a command prepares, "" if it is none.
func preparation(c call) string {
	if _, ok := downloadOf(c); ok || c.is("git", "clone") {
		return "downloads"
	}
	if c.name() == "wget" {
		return "downloads"
	}
	switch c.name() {
	case "pip", "pip3", "npm", "apt-get", "apk", "yum", "dnf", "gem":
		if c.has("install", "add", "ci") {
			return "installs software"
		}
	case "alembic", "flyway", "liquibase", "goose", "prisma":
		return migrates
	}
	if c.has("migrate", "db:migrate") && slices.Contains([]string{"python", "python3", "rails", "rake", "npx", "php"}, c.name()) {
		return migrates
	}
	return ""
}
