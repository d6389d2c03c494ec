package tail

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// Truncated begins a file again that was truncated. What was not delivered of it is read from its copy, if there is one.
func (f *Follower) Truncated(ctx context.Context, file *File, now time.Time) {
	f.Stats.Truncated++
	found := f.moveToCopy(file, now)
	if found {
		f.log.InfoContext(ctx, "truncated; its copy has what was not read", "path", file.Path)
	} else {
		f.log.WarnContext(ctx, "truncated; lines written since the last look may be lost", "path", file.Path, "offset", file.read.Offset)
	}
	file.restart()
	if err := file.stat(now); err != nil && !errors.Is(err, errTruncated) {
		f.log.WarnContext(ctx, "not readable", "path", file.Path, "err", usererr.Local(err).Text)
	}
	_ = file.checkStart()
	f.save(ctx, file)
	if !found {
		return
	}
	for _, other := range f.files {
		if other != file && other.Path == file.Path {
			f.save(ctx, other)
		}
	}
}

// moveToCopy looks for a copy of a truncated file in its directory, and lets it take over what is not delivered.
func (f *Follower) moveToCopy(file *File, now time.Time) bool {
	if file.saved.Offset == 0 && len(file.start) == 0 {
		return false
	}
	e := entryOf(file)
	c := f.search(filepath.Dir(file.real), func(c *File) (Position, error) {
		return c.has(c.size, e.Start, e.Sum, e.Tail, file.saved)
	}, file.Path)
	if c == nil {
		return false
	}
	c.saved, c.read = file.saved, file.read
	c.start, c.spans, c.gone, c.grew = file.start, file.spans, now, now
	for _, s := range c.spans {
		s.file = c
	}
	file.spans = nil
	f.files[c.ID] = c
	return true
}

// recover reads the rest of a file that was truncated while nobody read it from its copy.
func (f *Follower) recover(ctx context.Context, e entry) {
	if e.Start == 0 || e.Real == "" {
		return
	}
	var at Position
	c := f.search(filepath.Dir(e.Real), func(c *File) (p Position, err error) {
		at, err = c.has(c.size, e.Start, e.Sum, e.Tail, Position{Offset: e.Offset, Inside: e.Inside})
		return at, err
	}, e.Path)
	if c == nil {
		return
	}
	c.read, c.saved, c.gone, c.grew = at, at, time.Now(), time.Now()
	f.files[c.ID] = c
	_ = c.checkStart()
	f.save(ctx, c)
	f.log.InfoContext(ctx, "its copy has what was not read", "path", e.Path)
}

// search returns the newest file of a directory that is not followed and fits: older copies may begin with the same lines.
func (f *Follower) search(dir string, fits func(*File) (Position, error), first string) *File {
	var found []os.FileInfo
	for _, e := range readDir(dir) {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && f.files[idOf(info)] == nil {
			found = append(found, info)
		}
	}
	slices.SortStableFunc(found, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range found {
		c, err := f.open(dir, filepath.Join(dir, info.Name()), first)
		if err != nil {
			continue
		}
		if _, err := fits(c); err == nil && f.files[c.ID] == nil {
			return c
		}
		_ = c.f.Close()
	}
	return nil
}

// resumeRenamed finds the files of the state that no pattern matches any more, by their inodes.
func (f *Follower) resumeRenamed(ctx context.Context, seen map[ID]bool, now time.Time) {
	if f.state == nil {
		return
	}
	for id, e := range maps.Clone(f.state.entries) {
		if seen[id] || f.files[id] != nil {
			continue
		}
		dir := filepath.Dir(e.Real)
		if e.Real == "" || !f.below(dir) {
			f.drop(ctx, id)
			continue
		}
		file := f.search(dir, func(c *File) (Position, error) {
			if c.ID != id {
				return Position{}, errTruncated
			}
			return c.has(c.size, e.Start, e.Sum, e.Tail, Position{Offset: e.Offset, Inside: e.Inside})
		}, e.Path)
		if file == nil {
			f.log.WarnContext(ctx, "deleted while nobody read it: what was not delivered is lost", "path", e.Path, "offset", e.Offset)
			f.drop(ctx, id)
			continue
		}
		file.gone = now
		f.enter(ctx, file, now)
	}
}

// below reports whether a directory of the state is one where the patterns could have found a file.
func (f *Follower) below(dir string) bool {
	return f.o.Outside || slices.ContainsFunc(f.o.Patterns, func(p Pattern) bool {
		base, err := filepath.EvalSymlinks(p.root)
		if err != nil {
			return false
		}
		relative, err := filepath.Rel(base, dir)
		return err == nil && relative != ".." && !strings.HasPrefix(relative, "../")
	})
}

// drop forgets a file in the state.
func (f *Follower) drop(ctx context.Context, id ID) {
	if f.state == nil {
		return
	}
	if err := f.state.forget(id); err != nil {
		f.log.DebugContext(ctx, "the state cannot be written", "err", usererr.Local(err).Text)
	}
}
