package tail

import (
	"context"
	"os"
	"slices"
	"time"
)

// release closes renamed and deleted files that are complete, and the oldest of those that are too many. None is given up
// before RotateWait: a receiver that is there takes many files at once, if it is given the time.
func (f *Follower) release(ctx context.Context, now time.Time) {
	var held []*File
	var bytes int64
	for _, file := range f.files {
		switch {
		case file.gone.IsZero():
		case f.complete(file, now):
			f.close(ctx, file)
		default:
			held = append(held, file)
			if file.deleted {
				bytes += file.Undelivered()
			}
		}
	}
	slices.SortFunc(held, func(a, b *File) int { return a.gone.Compare(b.gone) })
	waited := func(file *File) bool { return now.Sub(file.gone) >= f.o.RotateWait }
	for len(held) > f.o.MaxHeld && waited(held[0]) {
		bytes -= f.giveUp(ctx, held[0])
		held = held[1:]
	}
	for _, file := range held {
		if bytes <= f.o.HeldBytes || !waited(file) {
			return
		}
		if file.deleted {
			bytes -= f.giveUp(ctx, file)
		}
	}
}

// complete reports whether nothing more is to be expected of a file. Its writer may go on for a while after a rename: until
// there is another file of its name, it is kept.
func (f *Follower) complete(file *File, now time.Time) bool {
	if file.Undelivered() > 0 || len(file.spans) > 0 || now.Sub(file.grew) < f.o.RotateWait || now.Sub(file.gone) < f.o.RotateWait {
		return false
	}
	if file.deleted {
		return true
	}
	for _, other := range f.files {
		if other.Path == file.Path && other.gone.IsZero() {
			return true
		}
	}
	return false
}

// giveUp closes a file that holds too much. It returns how many undelivered bytes of a deleted file are gone.
func (f *Follower) giveUp(ctx context.Context, file *File) int64 {
	lost := file.Undelivered()
	if lost > 0 {
		f.Stats.Dropped++
		f.Stats.DroppedBytes += lost
		f.log.ErrorContext(ctx, "dropped: too many renamed or deleted files wait for the receiver", "path", file.Path, "bytes", lost)
	}
	for _, s := range file.spans {
		s.file = nil
	}
	f.close(ctx, file)
	if file.deleted {
		return lost
	}
	return 0
}

func (f *Follower) close(ctx context.Context, file *File) {
	_ = file.f.Close()
	delete(f.files, file.ID)
	f.released[file.ID] = time.Now()
	f.drop(ctx, file.ID)
}

// A rename is one that was seen in a directory.
type rename struct{ from, to string }

// maxRenames is how many renames are kept for the next scan.
const maxRenames = 4096

// An alias is the new name of a file that was renamed.
type alias struct {
	first string // its name before
	since time.Time
}

// aliasTime is how long a file is looked for under its new name. It may have been renamed again, and another have taken its
// place, of which the kernel has yet to tell.
const aliasTime = 10 * time.Second

// follow notes the new names of files that matched.
func (f *Follower) follow(events []rename, now time.Time) {
	for _, e := range events {
		a, ok := f.aliases[e.from]
		if !ok {
			if !slices.ContainsFunc(f.o.Patterns, func(p Pattern) bool { return p.Match(e.from) }) {
				continue
			}
			a = alias{first: e.from, since: now}
		}
		delete(f.aliases, e.from)
		if len(f.aliases) < maxRenames {
			f.aliases[e.to] = a
		}
	}
}

// adopt opens the files that follow has noted, unless they are known: they were renamed before a scan has found them.
func (f *Follower) adopt(ctx context.Context, now time.Time) {
	for id, since := range f.released {
		if now.Sub(since) > 2*aliasTime {
			delete(f.released, id)
		}
	}
	for name, a := range f.aliases {
		if now.Sub(a.since) > aliasTime {
			delete(f.aliases, name)
		}
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		if _, done := f.released[idOf(info)]; done {
			continue
		}
		for _, p := range f.o.Patterns {
			if p.Match(a.first) {
				f.visit(ctx, p.root, name, a.first, map[ID]bool{}, now)
				break
			}
		}
	}
}
