// Package tail follows files through renames, truncation and deletion, and keeps for each the position up to which its
// contents were delivered. A file is identified by its device, its inode and checksums of its contents.
package tail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// Options are those of a [Follower].
type Options struct {
	Patterns []Pattern
	Exclude  []Exclusion
	StateDir string // "" keeps no state
	Name     string // of the files of the state

	FromEnd    bool          // files that are found at the first start are read from their end
	Outside    bool          // symbolic links may lead out of the directory of their pattern
	RotateWait time.Duration // for which a file that was renamed or deleted must not grow before it is given up
	MaxFiles   int           // beyond which files are not followed
	MaxHeld    int           // renamed and deleted files that are kept open
	HeldBytes  int64         // undelivered bytes of deleted files
	NoInotify  bool          // read directories only when they are scanned, as where the kernel has no inotify

	Logger *slog.Logger
}

// Stats count what has happened to files.
type Stats struct {
	Rotated, Truncated int64
	Dropped            int64 // files that were given up undelivered
	DroppedBytes       int64
}

// A Follower follows the files that match patterns. Not for concurrent use.
type Follower struct {
	o        Options
	log      *slog.Logger
	state    *state
	files    map[ID]*File
	watcher  *watcher
	aliases  map[string]alias  // by the new name
	released map[ID]time.Time  // files that were closed a short while ago
	errors   map[string]string // what was logged of paths that cannot be read
	first    bool              // the first scan has not ended
	full     bool              // it was logged that there are too many files

	Stats Stats
}

// New opens the state. Files are found by [Follower.Scan].
func New(ctx context.Context, o Options) (*Follower, error) {
	f := &Follower{o: o, log: o.Logger, files: map[ID]*File{}, aliases: map[string]alias{}, released: map[ID]time.Time{}, errors: map[string]string{}, first: true}
	if o.StateDir != "" {
		s, err := openState(o.StateDir, o.Name)
		if err != nil {
			return nil, err
		}
		f.state = s
	}
	f.watcher = newWatcher(ctx, f.log, o.NoInotify)
	return f, nil
}

// Close closes all files and the state.
func (f *Follower) Close() {
	f.watcher.close()
	for _, file := range f.files {
		_ = file.f.Close()
	}
	if f.state != nil {
		f.state.close()
	}
}

// Changed receives a value when files were created or renamed.
func (f *Follower) Changed() <-chan struct{} { return f.watcher.changed }

// Files returns what is followed, in the order of their paths.
func (f *Follower) Files() []*File {
	return slices.SortedFunc(maps.Values(f.files), func(a, b *File) int {
		return strings.Compare(a.Path, b.Path)
	})
}

// Scan looks for new files, and for what has happened to those that are followed.
func (f *Follower) Scan(ctx context.Context, now time.Time) {
	f.follow(f.watcher.take(), now)
	seen := map[ID]bool{}
	for _, p := range f.o.Patterns {
		w := walk{directory: f.watcher.add, file: func(name string) { f.visit(ctx, p.root, name, name, seen, now) }}
		w.list(p.root, p.segments, 0)
	}
	f.adopt(ctx, now)
	if f.first {
		f.resumeRenamed(ctx, seen, now)
		f.first = false
		if len(f.files) == 0 { // a typing error, or an application that has not started
			f.log.InfoContext(ctx, "no file matches yet", "paths", f.o.Patterns, "hint", f.directoryHint())
		}
	}
	for id, file := range f.files {
		switch {
		case seen[id]:
			file.gone = time.Time{}
		case file.gone.IsZero():
			file.gone = now
			f.Stats.Rotated++
			f.log.DebugContext(ctx, "renamed or deleted", "path", file.Path)
		}
	}
	f.Poll(ctx, now)
	f.release(ctx, now)
}

// directoryHint says which pattern is a directory, whose files a user may have meant.
func (f *Follower) directoryHint() string {
	for _, p := range f.o.Patterns {
		if info, err := os.Stat(p.String()); err == nil && info.IsDir() {
			return fmt.Sprintf("%[1]s is a directory: its files are %[1]s/*", p)
		}
	}
	return "check the path; files that appear later are found"
}

// visit looks at a path that matches. The file is called by its first name, if it was renamed since.
func (f *Follower) visit(ctx context.Context, root, name, first string, seen map[ID]bool, now time.Time) {
	if slices.ContainsFunc(f.o.Exclude, func(e Exclusion) bool { return e.Match(first) }) {
		return
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.unreadable(ctx, name, err)
		}
		return
	}
	if file := f.files[idOf(info)]; file != nil {
		seen[file.ID] = true
		return
	}
	if len(f.files) >= f.o.MaxFiles {
		if !f.full {
			f.full = true
			f.log.WarnContext(ctx, "too many files: the others are not read", "limit", f.o.MaxFiles)
		}
		return
	}
	file, err := f.open(root, name, first)
	if err != nil {
		f.unreadable(ctx, name, err)
		return
	}
	delete(f.errors, name)
	seen[file.ID] = true
	f.enter(ctx, file, now)
}

// open opens a file that is not followed yet.
func (f *Follower) open(root, name, first string) (*File, error) {
	opened, resolved, err := openFile(root, name, f.o.Outside)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err != nil {
		_ = opened.Close()
		return nil, err
	}
	return &File{ID: idOf(info), Path: first, real: resolved, f: opened, size: info.Size()}, nil
}

// unreadable logs why a path cannot be read, once.
func (f *Follower) unreadable(ctx context.Context, name string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return // it was renamed meanwhile
	}
	text, hint := usererr.Local(err).Text, ""
	if errors.Is(err, errOutside) {
		hint = "--outside-links follows such links"
	}
	if f.errors[name] == text || len(f.errors) >= f.o.MaxFiles {
		return
	}
	f.errors[name] = text
	f.log.WarnContext(ctx, "not readable", "path", name, "err", text, "hint", hint)
}

// enter begins to follow a file where the state says.
func (f *Follower) enter(ctx context.Context, file *File, now time.Time) {
	if f.files[file.ID] != nil {
		_ = file.f.Close()
		return
	}
	file.grew = now
	f.files[file.ID] = file
	f.begin(ctx, file)
	if err := file.checkStart(); err != nil {
		f.log.WarnContext(ctx, "not readable", "path", file.Path, "err", usererr.Local(err).Text)
	}
	f.save(ctx, file)
	f.log.InfoContext(ctx, "following", "path", file.Path, "offset", file.read.Offset, "size", file.size)
}

// begin finds the position where reading begins.
func (f *Follower) begin(ctx context.Context, file *File) {
	if f.state != nil {
		if e, ok := f.state.entries[file.ID]; ok {
			at, err := file.has(file.size, e.Start, e.Sum, e.Tail, Position{Offset: e.Offset, Inside: e.Inside})
			if err == nil {
				file.Path, file.read, file.saved = e.Path, at, at
				return
			}
			f.Stats.Truncated++
			f.log.WarnContext(ctx, "truncated or replaced while nobody read it: reading from its beginning", "path", file.Path)
			f.recover(ctx, e)
			return
		}
	}
	if f.first && f.o.FromEnd && (f.state == nil || !f.state.existed) {
		at := Position{Offset: file.size}
		if b := make([]byte, min(file.size, tailSize)); len(b) > 0 {
			if _, err := file.f.ReadAt(b, file.size-int64(len(b))); err == nil {
				at.Tail = b
			}
		}
		file.read, file.saved = at, at
	}
}

// save records the position of a file.
func (f *Follower) save(ctx context.Context, file *File) {
	if f.state == nil {
		return
	}
	if err := f.state.put(file); err != nil {
		f.log.WarnContext(ctx, "the position cannot be saved: after a restart, lines are sent again", "err", usererr.Local(err).Text)
	}
}

// Acknowledge records that spans were delivered.
func (f *Follower) Acknowledge(ctx context.Context, spans []*Span) {
	for _, s := range spans {
		s.done = true
	}
	for _, s := range spans {
		if s.file != nil && s.file.acknowledge() {
			f.save(ctx, s.file)
		}
	}
}

// Poll learns the sizes of the files that are followed.
func (f *Follower) Poll(ctx context.Context, now time.Time) {
	for _, file := range f.files {
		if err := file.stat(now); errors.Is(err, errTruncated) {
			f.Truncated(ctx, file, now)
		}
	}
}

// Read reads what follows the position of a file into buf.
func (f *Follower) Read(ctx context.Context, file *File, buf []byte, now time.Time) ([]byte, error) {
	data, err := file.Read(buf)
	if errors.Is(err, errTruncated) {
		f.Truncated(ctx, file, now)
		return nil, nil
	}
	return data, err
}
