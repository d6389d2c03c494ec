package lint

import (
	"slices"
	"strings"
)

// wrongOrder finds two containers of one name, and init containers that need a sidecar that starts after them.
func wrongOrder(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	names := map[string]bool{}
	for _, c := range p.containers() {
		if names[c.name] && c.name != "" {
			all = append(all, c.finding(c.at("name"), "two containers are named "+c.name, "rename one of them"))
		}
		names[c.name] = true
	}
	for i, c := range p.init {
		if c.sidecar {
			continue
		}
		for _, later := range p.init[i+1:] {
			if port := c.dials(later); later.sidecar && port != "" {
				all = append(all, c.finding(c.at("args"), "it needs port "+port+" of the sidecar "+later.name+", which starts after it",
					"move the sidecar before this container"))
			}
		}
	}
	return all
}

// dials returns a port of another container that the commands, arguments or variables of this one name together with this
// Pod's own address, "" if there is none.
func (c *container) dials(other *container) string {
	words := c.words()
	for _, e := range c.at("env").items() {
		words = append(words, e.at("value").text())
	}
	for _, p := range other.at("ports").items() {
		port := p.at("containerPort").text()
		if port == "" || strings.EqualFold(p.at("protocol").text(), "UDP") {
			continue
		}
		if slices.ContainsFunc(words, func(w string) bool { return namesPort(w, port) }) {
			return port
		}
	}
	return ""
}

// namesPort reports whether a string has localhost:PORT, and not the beginning of a longer number.
func namesPort(s, port string) bool {
	for _, host := range []string{"localhost:", "127.0.0.1:", "[::1]:"} {
		for rest := s; ; {
			_, after, found := strings.Cut(rest, host+port)
			if !found {
				break
			}
			if after == "" || after[0] < '0' || after[0] > '9' {
				return true
			}
			rest = after
		}
	}
	return false
}

// noStartupProbe finds sidecars that the application connects to, and that may not listen yet when it starts.
func noStartupProbe(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, sidecar := range p.init {
		if !sidecar.sidecar || sidecar.at("startupProbe").exists() {
			continue
		}
		for _, c := range p.app {
			if port := c.dials(sidecar); port != "" {
				all = append(all, sidecar.finding(sidecar.at("name"), "container "+c.name+" connects to port "+port+" as soon as this one is started, which may be before it listens",
					"add startupProbe: {tcpSocket: {port: "+port+"}}, or in its image exec: [/inith, wait, --once, \"127.0.0.1:"+port+"\"]"))
				break
			}
		}
	}
	return all
}
