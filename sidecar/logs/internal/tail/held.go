package tail

import (
	"context"
	"slices"
	"time"
)

// release closes renamed and deleted files that are complete, and the oldest of those that are too many.
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
	for len(held) > f.o.MaxHeld {
		bytes -= f.giveUp(ctx, held[0])
		held = held[1:]
	}
	for _, file := range held {
		if bytes <= f.o.HeldBytes {
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
	f.drop(ctx, file.ID)
}

// A rename is one that was seen in a directory.
type rename struct{ from, to string }

// follow notes the new names of files that were renamed before a scan has found them.
func (f *Follower) follow(events []rename) {
	for _, e := range events {
		first, ok := f.aliases[e.from]
		if !ok {
			if !slices.ContainsFunc(f.o.Patterns, func(p Pattern) bool { return p.Match(e.from) }) {
				continue
			}
			first = e.from
		}
		delete(f.aliases, e.from)
		f.aliases[e.to] = first
	}
}

// adopt opens the files that follow has noted.
func (f *Follower) adopt(ctx context.Context, seen map[ID]bool, now time.Time) {
	for name, first := range f.aliases {
		for _, p := range f.o.Patterns {
			if p.Match(first) {
				f.visit(ctx, p.root, name, first, seen, now)
				break
			}
		}
	}
	clear(f.aliases)
}
