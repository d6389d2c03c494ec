package lint

import (
	"slices"
	"strings"
)

// portMismatch finds ports at which nothing listens: those of annotations for Prometheus that no container declares, and
// those that a known image does not use.
func portMismatch(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	var declared []string
	for _, c := range p.containers() {
		ports := c.ports()
		declared = append(declared, ports...)
		if f, found := statsdPort(c, ports); found {
			all = append(all, f)
		}
	}
	annotated := p.annotation("prometheus.io/port")
	if text := annotated.text(); text != "" && !isUnknown(text) && len(declared) > 0 && !slices.Contains(declared, text) {
		all = append(all, annotated.finding("no container declares port "+text+", which Prometheus is to scrape", "use the port of the metrics, or declare it"))
	}
	return all
}

func (c *container) ports() []string {
	var all []string
	for _, p := range c.at("ports").items() {
		all = append(all, p.at("containerPort").text())
	}
	return all
}

// statsdPort finds a statsd-exporter that serves its metrics at another port than the one that is declared.
func statsdPort(c *container, ports []string) (Finding, bool) {
	const port = "9102"
	changed := slices.ContainsFunc(c.words(), func(arg string) bool {
		return strings.HasPrefix(arg, "--web.listen-address")
	})
	if knownSidecar(c.at("image").text()) != "statsd-exporter" || changed || len(ports) == 0 || slices.Contains(ports, port) {
		return Finding{}, false
	}
	return c.finding(c.at("ports"), "statsd-exporter serves its metrics at port "+port+", which is not declared here",
		"declare "+port+", or add --web.listen-address=:PORT to args"), true
}
