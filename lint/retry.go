package lint

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// noRetry finds downloads that are tried once. A failure then restarts the container, after a pause of up to 5 minutes.
func noRetry(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if c.sidecar || c.program.repeats() {
			continue
		}
		for _, call := range c.program.calls() {
			if d, ok := downloadOf(call); ok && !retries(call) {
				all = append(all, c.inScript(call.pos, call.name()+" makes one attempt: after an error, the kubelet restarts the container with pauses of 10 s to 5 min", d.fix()))
				break
			}
		}
	}
	return all
}

// repeats reports whether a script has a loop, or hands a command to one that may repeat it.
func (p program) repeats() bool {
	if p.script == nil {
		return false
	}
	found := false
	syntax.Walk(p.script, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.WhileClause, *syntax.ForClause:
			found = true
		}
		return !found
	})
	return found || slices.ContainsFunc(p.calls(), func(c call) bool { return c.name() == "retry" })
}

// retries reports whether a download repeats itself. Clients of object stores do; wget and curl do so only
// with an option: without it, wget gives up when the connection is refused.
func retries(c call) bool {
	if c.name() != "wget" && c.name() != "curl" {
		return true
	}
	if slices.ContainsFunc(c.args(), func(w word) bool { return !w.known }) {
		return true // one of them may be the option
	}
	_, given := c.flagValue("--retry", "--tries", "-t")
	return given || c.has("--retry-connrefused", "--retry-all-errors")
}
