package lint

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const sidecarFix = "make it a sidecar: restartPolicy: Always (Kubernetes 1.29 and later)"

// neverEnds finds init containers that never exit, so that the application never starts.
func neverEnds(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if c.sidecar {
			continue
		}
		program := c.program
		switch what, pos := endless(c, program); {
		case what == "":
		case program.at.exists():
			all = append(all, c.inScript(pos, what+" never ends, so that no later container starts", sidecarFix))
		default:
			all = append(all, c.finding(c.at("image"), what+" never ends, so that no later container starts", sidecarFix))
		}
	}
	return all
}

// endless returns what keeps a container running, "" if nothing does, and where a script has it.
func endless(c *container, p program) (what string, pos syntax.Pos) {
	if !c.at("command").exists() {
		if server := knownSidecar(c.at("image").text()); server != "" && !c.at("args").exists() {
			return server, pos
		}
		return "", pos
	}
	for _, call := range p.calls() {
		if !call.background && isServer(call) {
			return "the command " + call.name(), call.pos
		}
	}
	for _, loop := range p.loops() {
		if isForever(loop) && !leaves(loop) {
			return "the loop", loop.Pos()
		}
	}
	return "", pos
}

// isServer reports whether a command runs until something terminates it.
func isServer(c call) bool {
	switch c.name() {
	case "tail":
		return c.has("-f", "-F", "--follow", "-fn", "-nf") || slices.ContainsFunc(c.args(), func(w word) bool { return strings.HasPrefix(w.text, "--follow=") })
	case "sleep":
		return c.has("infinity", "inf")
	case "nc", "ncat", "netcat":
		return c.has("-l", "-lk", "-lp", "-lkp")
	case "python", "python3":
		return c.is(c.name(), "-m", "http.server")
	case "vllm":
		return c.is("vllm", "serve")
	case "uvicorn", "gunicorn", "envoy", "fluent-bit", "fluentd", "statsd_exporter":
		return !c.has("--version", "--help", "--dry-run", "--check-config")
	case "nginx":
		return !c.has("-t", "-T", "-v", "-V", "-s")
	}
	return false
}

// isForever reports whether the condition of a loop always holds.
func isForever(loop *syntax.WhileClause) bool {
	if len(loop.Cond) != 1 {
		return false
	}
	calls := callsIn(loop.Cond[0])
	if len(calls) != 1 {
		return false
	}
	name, number := calls[0].name(), calls[0].has("1")
	if loop.Until {
		return name == "false"
	}
	return name == "true" || name == ":" || name == "[" && number && len(calls[0].words) == 3
}

// knownSidecar returns the program that an image runs beside an application, "" if it is not known for that.
func knownSidecar(image string) string {
	name, _, _ := strings.Cut(path.Base(image), "@")
	name, _, _ = strings.Cut(name, ":")
	if slices.Contains([]string{
		"fluent-bit", "fluentd", "vector", "statsd-exporter", "opentelemetry-collector", "opentelemetry-collector-contrib",
		"promtail", "oauth2-proxy", "cloud-sql-proxy", "gce-proxy", "filebeat", "telegraf", "envoy",
	}, name) {
		return name
	}
	return ""
}
