package lint

import (
	"path"
	"slices"
	"strings"
)

// A logReader is a container that follows log files of another one.
type logReader struct {
	*container

	at    value    // where the paths are
	paths []string // absolute, with * for any characters
}

// logReaders returns the containers that follow files, as far as their paths are known.
func (p *Pod) logReaders(m *Manifests) []logReader {
	var all []logReader
	for _, c := range p.running() {
		r := logReader{container: c, at: c.program.at}
		for _, call := range c.program.calls() {
			if call.name() == "tail" && isServer(call) {
				r.add(call.args()...)
			}
		}
		if words := c.words(); slices.Contains(words, "logs") && slices.Contains(words, "sidecar") {
			if v, given := (call{words: wordsOf(append([]string{"inith"}, words...))}).flagValue("--path"); given {
				r.add(v)
			}
		}
		for _, input := range p.tailedBy(c, m) {
			r.at = c.at("image")
			for pattern := range strings.SplitSeq(input["path"], ",") {
				r.add(word{strings.TrimSpace(pattern), !isUnknown(pattern)})
			}
		}
		if len(r.paths) > 0 {
			all = append(all, r)
		}
	}
	return all
}

func (r *logReader) add(words ...word) {
	for _, w := range words {
		if file := known(w); path.IsAbs(file) && !isDevice(file) {
			r.paths = append(r.paths, path.Clean(file))
		}
	}
}

func isDevice(file string) bool {
	return slices.ContainsFunc([]string{"/dev", "/proc", "/sys"}, func(dir string) bool { return isBelow(file, dir) })
}

// tailedBy returns the tail inputs in the ConfigMaps that a fluent-bit mounts.
func (p *Pod) tailedBy(c *container, m *Manifests) []map[string]string {
	if knownSidecar(c.at("image").text()) != "fluent-bit" {
		return nil
	}
	var all []map[string]string
	for _, own := range c.mounts() {
		config := m.of("ConfigMap").byName[p.volume(own.volume).at("configMap", "name").text()].at("data")
		if config.node == nil {
			continue
		}
		for _, member := range config.node.Members {
			all = append(all, tailInputs(value{member.Value}.text())...)
		}
	}
	return all
}

// logPath finds sidecars that follow files that no container writes where they look.
func logPath(p *Pod, m *Manifests) []Finding {
	if isPatch(p.workload) {
		return nil
	}
	var all []Finding
	for _, r := range p.logReaders(m) {
		outside := slices.IndexFunc(r.paths, func(file string) bool { _, mounted := r.mountOf(file); return !mounted })
		if outside >= 0 {
			all = append(all, r.finding(r.at, "it follows "+r.paths[outside]+", which is in no volume: files of other containers are not there",
				"mount the volume there to which the application writes its log"))
			continue
		}
		for _, c := range p.app {
			all = append(all, r.misses(c)...)
		}
	}
	return all
}

// misses finds a log of the application that the sidecar does not follow.
func (r logReader) misses(app *container) []Finding {
	v, found := app.variable("LOG_FILE")
	file := v.at("value").text()
	if app == r.container || !found || !path.IsAbs(file) || isUnknown(file) || isDevice(file) || app.hasSubPaths() || r.hasSubPaths() {
		return nil
	}
	written, mounted := app.mountOf(file)
	own, shared := r.mountsOf(written.volume)
	if !mounted || !shared {
		return []Finding{app.finding(v.at("value"), file+" is in no volume that "+r.name+" mounts", "write the log to a volume that both mount")}
	}
	seen := path.Join(own.path, strings.TrimPrefix(path.Clean(file), written.path))
	if slices.ContainsFunc(r.paths, func(pattern string) bool { return follows(pattern, seen) }) {
		return nil
	}
	return []Finding{r.finding(r.at, "it does not follow "+seen+", where it has the log of "+app.name, "follow "+seen)}
}

// follows reports whether a pattern may stand for a file.
func follows(pattern, file string) bool {
	matches, err := path.Match(pattern, file)
	return matches || err != nil || strings.Contains(pattern, "**")
}

// hasSubPaths reports whether a mount is a part of a volume.
func (c *container) hasSubPaths() bool {
	return slices.ContainsFunc(c.at("volumeMounts").items(), func(m value) bool { return m.at("subPath").exists() || m.at("subPathExpr").exists() })
}
