package lint

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A mount is a volume in a container.
type mount struct {
	volume, path string
	readOnly     bool
}

func (c *container) mounts() []mount {
	var all []mount
	for _, m := range c.at("volumeMounts").items() {
		all = append(all, mount{m.at("name").text(), path.Clean(m.at("mountPath").text()), m.at("readOnly").text() == "true"})
	}
	return all
}

// mountOf returns the mount that a path is below, the longest one.
func (c *container) mountOf(file string) (mount, bool) {
	var found mount
	for _, m := range c.mounts() {
		if isBelow(file, m.path) && len(m.path) > len(found.path) {
			found = m
		}
	}
	return found, found.path != ""
}

func isBelow(file, dir string) bool {
	return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
}

// A written file is where a download of an init container goes.
type written struct {
	container *container
	pos       syntax.Pos // of the command, in a script
	path      string     // absolute
}

// downloads returns where the init containers write what they download, as far as that is known. What the same script
// reads again is left out: it may be there for the script alone.
func (p *Pod) downloads() []written {
	var all []written
	for _, c := range p.init {
		program := c.program
		calls := program.calls()
		for _, call := range calls {
			d, ok := downloadOf(call)
			if file := known(d.dest); ok && path.IsAbs(file) && !isUnknown(file) && mentions(calls, file) == 1 {
				all = append(all, written{c, call.pos, path.Clean(file)})
			}
		}
	}
	return all
}

// mentions counts the commands that have a path among their words.
func mentions(calls []call, file string) int {
	n := 0
	for _, c := range calls {
		if slices.ContainsFunc(c.words, func(w word) bool { return strings.Contains(w.text, file) }) {
			n++
		}
	}
	return n
}

// writeLost finds downloads into the file system of an init container, which is deleted when it exits.
func writeLost(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, w := range p.downloads() {
		m, mounted := w.container.mountOf(w.path)
		switch {
		case !mounted && !isBelow(w.path, "/tmp") && !isBelow(w.path, "/dev"):
			all = append(all, w.container.inScript(w.pos, w.path+" is in no volume: it is deleted when the container exits", "mount a volume there"))
		case m.readOnly:
			all = append(all, w.container.inScript(w.pos, w.path+" is in a volume that is mounted read-only", "remove readOnly from the mount of the init container"))
		}
	}
	return all
}

// notShared finds downloads into a volume that no other container mounts.
func notShared(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, w := range p.downloads() {
		m, mounted := w.container.mountOf(w.path)
		if mounted && !p.fragment && p.isEmptyDir(m.volume) && !p.isMountedBy(m.volume, w.container) {
			all = append(all, w.container.inScript(w.pos, "no other container mounts the volume "+m.volume+", to which "+w.path+" is written",
				"mount it in the container that reads the file"))
		}
	}
	return all
}

// volume returns a volume, the zero value if the Pod has none of that name.
func (p *Pod) volume(name string) value {
	for _, v := range p.spec.at("volumes").items() {
		if v.at("name").text() == name {
			return v
		}
	}
	return value{}
}

func (p *Pod) isEmptyDir(volume string) bool { return p.volume(volume).at("emptyDir").node != nil }

// isMountedBy reports whether a container other than this one mounts a volume.
func (p *Pod) isMountedBy(volume string, besides *container) bool {
	return slices.ContainsFunc(p.containers(), func(c *container) bool {
		return c != besides && slices.ContainsFunc(c.mounts(), func(m mount) bool { return m.volume == volume })
	})
}

// pathDiffers finds an application that names a file by the path that it has in an init container, and not in its own.
func pathDiffers(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, setup := range p.init {
		for _, m := range setup.mounts() {
			for _, c := range p.app {
				own, shared := c.mountsOf(m.volume)
				if _, covered := c.mountOf(m.path); !shared || covered || m.readOnly {
					continue
				}
				if at, found := c.naming(m.path); found {
					all = append(all, c.finding(at, "this path is below "+m.path+", where only the init container "+setup.name+" has the volume "+m.volume,
						"use the path below "+own.path+", or mount the volume at "+m.path))
				}
			}
		}
	}
	return all
}

// mountsOf returns the mount of a volume.
func (c *container) mountsOf(volume string) (mount, bool) {
	mounts := c.mounts()
	i := slices.IndexFunc(mounts, func(m mount) bool { return m.volume == volume })
	if i < 0 {
		return mount{}, false
	}
	return mounts[i], true
}

// naming returns an environment variable or an argument that is a path below dir.
func (c *container) naming(dir string) (value, bool) {
	for _, e := range c.at("env").items() {
		if v := e.at("value"); isBelow(v.text(), dir) {
			return v, true
		}
	}
	for _, arg := range append(c.at("command").items(), c.at("args").items()...) {
		text := arg.text()
		if _, after, ok := strings.Cut(text, "="); ok {
			text = after
		}
		if isBelow(text, dir) {
			return arg, true
		}
	}
	return value{}, false
}
