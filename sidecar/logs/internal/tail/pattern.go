package tail

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Pattern names files: in each segment of its path, * stands for any characters, ? for one and [a-z] for one of a range.
// A segment ** stands for any number of directories. A name that begins with a dot needs a pattern that does too.
type Pattern struct {
	root     string   // the directory before the first wildcard
	segments []string // of the rest of the path
}

// ParsePattern parses a pattern.
func ParsePattern(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, errors.New("want a path")
	}
	text = goClass(text)
	if _, err := path.Match(text, ""); err != nil {
		return Pattern{}, errors.New("want a pattern: a bracket is not closed, or a backslash ends it")
	}
	segments := strings.Split(filepath.ToSlash(filepath.Clean(text)), "/")
	fixed := slices.IndexFunc(segments, hasWildcard)
	if fixed < 0 {
		fixed = len(segments) - 1
	}
	root := strings.Join(segments[:fixed], "/")
	switch {
	case root == "" && fixed > 0:
		root = "/"
	case root == "":
		root = "."
	}
	return Pattern{root: root, segments: segments[fixed:]}, nil
}

// An Exclusion names files that are left out although a [Pattern] matches them.
type Exclusion struct {
	pattern Pattern
	ends    []string // segments; a path that ends with them is left out
	across  string   // for which * stands for slashes too; "" for none
}

// ParseExclusion parses the pattern of an exclusion. A relative one is about the end of the path: *.gz leaves such files
// out in any directory. With across, * stands for slashes too, as in Fluent Bit: fnmatch(3) without FNM_PATHNAME.
func ParseExclusion(text string, across bool) (e Exclusion, err error) {
	text = goClass(text)
	if e.pattern, err = ParsePattern(text); err != nil {
		return e, err
	}
	if !filepath.IsAbs(text) {
		e.ends = strings.Split(filepath.ToSlash(filepath.Clean(text)), "/")
	}
	if across {
		e.across = withoutSlashes(text)
	}
	return e, nil
}

// Match reports whether a path is left out.
func (e Exclusion) Match(name string) bool {
	if e.pattern.Match(name) {
		return true
	}
	if segments := strings.Split(name, "/"); len(e.ends) > 0 && len(e.ends) <= len(segments) &&
		matchSegments(e.ends, segments[len(segments)-len(e.ends):]) {
		return true
	}
	ok, err := path.Match(e.across, withoutSlashes(name))
	return ok && err == nil
}

// goClass writes a class that begins with ! as [path.Match] has it, which takes ! for a member.
func goClass(text string) string { return strings.ReplaceAll(text, "[!", "[^") }

// withoutSlashes hides slashes from [path.Match].
func withoutSlashes(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

func (p Pattern) String() string { return path.Join(append([]string{p.root}, p.segments...)...) }

// Root returns the directory before the first wildcard.
func (p Pattern) Root() string { return p.root }

func hasWildcard(segment string) bool { return strings.ContainsAny(segment, `*?[\`) }

// Match reports whether a path matches.
func (p Pattern) Match(name string) bool {
	rest, err := filepath.Rel(p.root, name)
	if err != nil {
		return false
	}
	return matchSegments(p.segments, strings.Split(filepath.ToSlash(rest), "/"))
}

func matchSegments(patterns, names []string) bool {
	if len(patterns) == 0 || len(names) == 0 {
		return len(patterns) == len(names)
	}
	if patterns[0] == "**" {
		return matchSegments(patterns[1:], names) || names[0] != ".." && matchSegments(patterns, names[1:])
	}
	return matchName(patterns[0], names[0]) && matchSegments(patterns[1:], names[1:])
}

// matchName matches one segment. As in a shell, a wildcard does not match a dot at the beginning.
func matchName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// maxEntries is how many files of a directory are looked at: a volume may be hostile.
const maxEntries = 16 << 10

// readDir returns the entries of a directory, in the order of their names. A directory that cannot be read may appear later.
func readDir(dir string) []os.DirEntry {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = d.Close() }()
	entries, _ := d.ReadDir(maxEntries)
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// maxDepth is how many directories ** descends: a tree may be hostile.
const maxDepth = 16

// A walk lists what a pattern matches.
type walk struct {
	file      func(path string)
	directory func(path string) // called for each directory whose entries decide
}

// list walks below dir, which the segments before have matched.
func (w *walk) list(dir string, segments []string, depth int) {
	segment := segments[0]
	if !hasWildcard(segment) {
		w.directory(dir)
		w.next(filepath.Join(dir, segment), segments[1:], depth)
		return
	}
	if segment == "**" && len(segments) > 1 {
		w.list(dir, segments[1:], depth)
	}
	w.directory(dir)
	for _, e := range readDir(dir) {
		name := filepath.Join(dir, e.Name())
		switch {
		case segment == "**" && e.IsDir() && depth < maxDepth && matchName("*", e.Name()):
			w.list(name, segments, depth+1)
		case segment != "**" && matchName(segment, e.Name()):
			w.next(name, segments[1:], depth)
		}
	}
}

func (w *walk) next(name string, segments []string, depth int) {
	if len(segments) == 0 {
		w.file(name)
		return
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		w.list(name, segments, depth)
	}
}
