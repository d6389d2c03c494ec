package fetch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// relistAfter is how old a listing gets, as a multiple of the time that it took: of
// thousands of files in one folder, each asks what is there, and reading it anew
// would take longer than they do.
const relistAfter = 20

// A listing is what a folder of states holds, by the destination that it belongs to.
// What this process adds is in it at once; of what others do it may know nothing for
// a moment. The zero value of all but its folder is one that was not read yet.
type listing struct {
	folder string

	mu    sync.Mutex
	names map[string][]string // of partial files, journals and extracted folders
	read  time.Time
	took  time.Duration
}

// of returns the paths of what belongs to a destination.
func (l *listing) of(dest string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if start := time.Now(); start.Sub(l.read) >= relistAfter*l.took {
		l.names = map[string][]string{}
		entries, _ := os.ReadDir(l.folder)
		for _, e := range entries {
			if owner := ownerOf(e.Name()); owner != "" {
				l.names[owner] = append(l.names[owner], e.Name())
			}
		}
		l.read = time.Now()
		l.took = l.read.Sub(start)
	}
	paths := slices.Clone(l.names[dest])
	for i, name := range paths {
		paths[i] = filepath.Join(l.folder, name)
	}
	return paths
}

// add tells of a path that there is from now on.
func (l *listing) add(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := filepath.Base(path)
	if owner := ownerOf(name); l.names != nil && !slices.Contains(l.names[owner], name) {
		l.names[owner] = append(l.names[owner], name)
	}
}

// ownerOf returns the destination that a partial file, a journal or an extracted
// folder belongs to, "" for anything else. Those of "model.bin" are not the ones of
// "model".
func ownerOf(name string) string {
	base, part := strings.CutSuffix(name, partSuffix)
	if !part {
		base, part = strings.CutSuffix(name, journalSuffix)
	}
	infix := "."
	if !part {
		infix = extractInfix
	}
	return base[:max(0, strings.LastIndex(base, infix))]
}
