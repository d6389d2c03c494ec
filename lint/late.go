package lint

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// lateSidecar finds sidecars in the wrong place among the init containers, which start one after another.
func lateSidecar(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for i, c := range p.init {
		for _, later := range p.init[i+1:] {
			if f, wrong := p.inWrongOrder(c, later); wrong {
				all = append(all, f)
				break
			}
		}
	}
	return all
}

// inWrongOrder compares a container with one that starts after it.
func (p *Pod) inWrongOrder(c, later *container) (Finding, bool) {
	switch {
	case !c.sidecar && later.sidecar && isNetwork(later) && c.usesNetwork():
		return c.finding(c.program.at, "it needs the network, which the sidecar "+later.name+" provides only after it", "move the sidecar before this container"), true
	case !c.sidecar && later.sidecar && shipsLogs(later):
		if dir := p.logsFor(c, later); dir != "" {
			return c.finding(c.program.at, "the sidecar "+later.name+" starts after it, so that its log in "+dir+" is not shipped if it fails", "move the sidecar before this container"), true
		}
	case c.sidecar && !later.sidecar && !isNetwork(c) && !shipsLogs(c) && later.dials(c) == "" && later.loads():
		delay, err := strconv.Atoi(c.at("startupProbe", "initialDelaySeconds").text())
		f := later.finding(later.program.at, "it starts only when the startupProbe of the sidecar "+c.name+" has succeeded, at least "+strconv.Itoa(delay)+" s later", "move it before the sidecar")
		f.Severity = Info
		return f, err == nil && delay >= 10
	}
	return Finding{}, false
}

// isNetwork reports whether the network of the Pod leads through a sidecar: a mesh or a VPN.
func isNetwork(c *container) bool {
	image := c.at("image").text()
	name, _, _ := strings.Cut(path.Base(image), ":")
	return slices.Contains([]string{"proxyv2", "tailscale", "gluetun", "wireguard", "openvpn"}, name) || strings.Contains(image, "linkerd/proxy:")
}

// shipsLogs reports whether a sidecar sends the lines of files somewhere.
func shipsLogs(c *container) bool {
	return slices.Contains([]string{"fluent-bit", "fluentd", "vector", "promtail", "filebeat"}, knownSidecar(c.at("image").text())) ||
		slices.ContainsFunc(c.program.calls(), func(call call) bool { return call.name() == "tail" })
}

// loads reports whether a container downloads something.
func (c *container) loads() bool {
	return slices.ContainsFunc(c.program.calls(), func(call call) bool { _, ok := downloadOf(call); return ok }) || c.runsInith("fetch")
}

// usesNetwork reports whether a container downloads, or waits for a dependency.
func (c *container) usesNetwork() bool {
	waits := slices.ContainsFunc(c.program.calls(), func(call call) bool { _, ok := targetOf(call); return ok })
	return waits || c.loads() || c.runsInith("wait") || c.runsInith("migrate")
}

// runsInith reports whether a container of inith's image runs one of its commands.
func (c *container) runsInith(command string) bool {
	words := c.words()
	name, _, _ := strings.Cut(path.Base(c.at("image").text()), ":")
	return len(words) > 0 && words[0] == command && name == "inith" && !c.at("command").exists() ||
		len(words) > 1 && path.Base(words[0]) == "inith" && words[1] == command
}

// logsFor returns the directory of a common emptyDir to which a container writes a log that another one reads, "" if none
// is known.
func (p *Pod) logsFor(c, reader *container) string {
	for _, m := range c.mounts() {
		if _, shared := reader.mountsOf(m.volume); !shared || m.readOnly || !p.fragment && !p.isEmptyDir(m.volume) {
			continue
		}
		if slices.ContainsFunc(c.logs(), func(file string) bool { return isBelow(file, m.path) }) {
			return m.path
		}
	}
	return ""
}

// logs returns the files that a container appends to, or that its environment and arguments call a log.
func (c *container) logs() []string {
	var all []string
	for _, call := range c.program.calls() {
		for _, r := range call.redirs {
			if r.Op == syntax.AppOut || r.Op == syntax.AppAll {
				all = append(all, known(wordOf(r.Word)))
			}
		}
		if call.name() == "tee" {
			for _, w := range call.positional(1) {
				all = append(all, known(w))
			}
		}
	}
	words := c.words()
	for _, e := range c.at("env").items() {
		words = append(words, e.at("value").text())
	}
	for _, w := range words {
		if _, file, ok := strings.Cut(w, "="); ok {
			w = file
		}
		if path.IsAbs(w) && strings.HasSuffix(w, ".log") {
			all = append(all, w)
		}
	}
	return all
}
