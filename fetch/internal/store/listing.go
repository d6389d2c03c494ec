package store

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// relistAfter is how old a listing gets, as a multiple of the time that it took: of
// thousands of files in one directory, each asks what is there, and reading it anew
// would take longer than they do.
const relistAfter = 20

// A listing is what a directory of states holds, by the destination that it belongs to.
// What this process adds is in it at once; of what others do it may know nothing for a
// moment. The zero value is one that was not read yet.
type listing struct {
	mu    sync.Mutex
	names map[string][]string // of partial files, journals and extracted directories
	read  time.Time
	took  time.Duration
}

// of returns the names in dir that belong to a destination. A nil dir is empty.
func (l *listing) of(dir *directory, dest string) []string {
	if dir == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if start := time.Now(); start.Sub(l.read) >= relistAfter*l.took {
		l.names = map[string][]string{}
		for _, name := range dir.names() {
			if owner := ownerOf(name); owner != "" {
				l.names[owner] = append(l.names[owner], name)
			}
		}
		l.read = time.Now()
		l.took = l.read.Sub(start)
	}
	return slices.Clone(l.names[dest])
}

// add adds a name that was created.
func (l *listing) add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner := ownerOf(name); l.names != nil && !slices.Contains(l.names[owner], name) {
		l.names[owner] = append(l.names[owner], name)
	}
}

// ownerOf returns the destination that a partial file, a journal or an extracted
// directory belongs to, "" for anything else. Those of "model.bin" are not the ones of
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
