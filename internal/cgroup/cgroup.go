// Package cgroup reads the memory limit of the container from the file systems of cgroups, version 1 and 2: see [Cgroup].
//
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files,
// https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, cgroups(7), and mountinfo in proc(5).
package cgroup

import (
	"cmp"
	"io/fs"
	"iter"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Limit is what a cgroup may use of memory.
type Limit struct {
	Max  int64 // bytes
	Used int64 // bytes, without the page cache that can be dropped at once: what the kubelet calls the working set
}

// Free returns how many bytes may still be used.
func (l Limit) Free() int64 { return max(0, l.Max-l.Used) }

// Cgroup returns the limit of this process: the smallest of those of its cgroup
// and of the ones above, as far as they can be seen. It reports false where
// there is none, as on anything but Linux. The file system is [os.DirFS]("/").
func Cgroup(root fs.FS) (Limit, bool) {
	var limits []Limit
	for _, h := range hierarchies(root) {
		for dir := h.dir; ; dir = path.Dir(dir) {
			if limit, ok := h.limit(root, dir); ok {
				limits = append(limits, limit)
			}
			if dir == "/" {
				break
			}
		}
	}
	if len(limits) == 0 {
		return Limit{}, false
	}
	return slices.MinFunc(limits, func(a, b Limit) int {
		return cmp.Or(cmp.Compare(a.Max, b.Max), cmp.Compare(b.Used, a.Used))
	}), true
}

// A hierarchy is a tree of cgroups that count memory.
type hierarchy struct {
	version
	mount string // where it is mounted
	dir   string // of our cgroup below mount, "/" if that is it
}

// A version is how one of the two generations of cgroups names its files.
type version struct {
	fsType, controller string
	max, used, cache   string
}

func versions() []version {
	return []version{
		{"cgroup2", "", "memory.max", "memory.current", "inactive_file"},
		{"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	}
}

// hierarchies returns those that this process is in. Both versions may be
// mounted, and one of them have no files about memory.
func hierarchies(root fs.FS) []hierarchy {
	var found []hierarchy
	for line := range lines(root, "/proc/self/mountinfo") {
		mount, source, _ := strings.Cut(line, " - ")
		m, s := strings.Fields(mount), strings.Fields(source)
		if len(m) < 5 || len(s) < 3 {
			continue
		}
		for _, v := range versions() {
			if s[0] != v.fsType || !has(s[2], v.controller) {
				continue
			}
			own, ok := ownCgroup(root, v.controller)
			if !ok {
				continue
			}
			dir, below := strings.CutPrefix(own, strings.TrimSuffix(m[3], "/"))
			if !below {
				dir = "" // a container that sees the path outside: what is mounted is its own
			}
			found = append(found, hierarchy{v, m[4], path.Clean("/" + dir)})
		}
	}
	return found
}

// ownCgroup returns the path of this process's cgroup. The second version is
// the one without a controller.
func ownCgroup(root fs.FS, controller string) (string, bool) {
	for line := range lines(root, "/proc/self/cgroup") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) == 3 && (fields[1] == controller || controller != "" && has(fields[1], controller)) {
			return fields[2], true
		}
	}
	return "", false
}

// has reports whether a list, as in "rw,memory", has an item. All have "".
func has(list, item string) bool {
	return item == "" || slices.Contains(strings.Split(list, ","), item)
}

// limit returns that of one cgroup, if it has one.
func (h hierarchy) limit(root fs.FS, dir string) (Limit, bool) {
	maximum, ok := number(root, path.Join(h.mount, dir, h.max))
	if !ok || maximum >= math.MaxInt64/2 { // the first version's word for none is 1<<63 less a page
		return Limit{}, false
	}
	used, _ := number(root, path.Join(h.mount, dir, h.used))
	for line := range lines(root, path.Join(h.mount, dir, "memory.stat")) {
		if value, ok := strings.CutPrefix(line, h.cache+" "); ok {
			cache, _ := strconv.ParseInt(value, 10, 64)
			used = max(0, used-cache)
		}
	}
	return Limit{Max: maximum, Used: used}, true
}

// number returns the number that is all of a file's content, false if it is
// something else, such as "max".
func number(root fs.FS, name string) (int64, bool) {
	content, _ := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	n, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	return n, err == nil
}

// lines returns those of a file, none if it cannot be read.
func lines(root fs.FS, name string) iter.Seq[string] {
	content, _ := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	return strings.SplitSeq(string(content), "\n")
}
