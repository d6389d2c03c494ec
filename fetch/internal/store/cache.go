package store

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/usererr"
)

// A Cache is a directory of objects, which processes of all users of a node may share. An object is a destination: it is
// downloaded, resumed and published as any other, under its lock.
type Cache struct {
	Dir   string
	Max   int64                  // bytes of all objects; zero: no limit
	Is    func(name string) bool // tells the names of objects from others
	Store *Store

	mu     sync.Mutex // of what follows, which makes room for many objects without looking each time
	size   int64      // of the entries, at most
	listed time.Time
	took   time.Duration
}

// An Entry is an object of a cache, or the part of one that an earlier run of this user has left.
type Entry struct {
	Name    string
	Size    int64 // bytes
	Used    time.Time
	Partial bool
}

// maxEntries bounds what is read of a directory that others can write to.
const maxEntries = 100_000

// Object returns the destination of an object. It must be closed.
func (c *Cache) Object(name string) *Destination {
	d := c.Store.Destination(filepath.Join(c.Dir, name))
	d.room = func(size, more int64) error { return c.makeRoom(name, size, more) }
	return d
}

// Entries returns what is in the cache, the least recently used first; of very many, not all. Other users' partial files
// cannot be seen.
func (c *Cache) Entries() ([]*Entry, error) {
	dir, err := openDirectory(c.Dir)
	if err != nil {
		return nil, &Error{usererr.Local(err)}
	}
	defer dir.close()
	shared, _ := dir.sub(sharedName) // nil: nobody has used it yet
	defer shared.close()
	var all []*Entry
	for _, name := range dir.someNames(maxEntries) {
		if s, err := dir.lstat(name); err == nil && s.regular() && c.Is(name) {
			all = append(all, &Entry{Name: name, Size: s.Size, Used: shared.lastUse(name, s.modified())})
		}
	}
	all = append(all, c.partials(shared)...)
	slices.SortFunc(all, func(a, b *Entry) int { return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.Name, b.Name)) })
	return all, nil
}

// partials returns the partial files of this user.
func (c *Cache) partials(shared *directory) []*Entry {
	if shared == nil {
		return nil
	}
	own, err := shared.sub(ownName())
	if err != nil {
		return nil
	}
	defer own.close()
	var all []*Entry
	for _, part := range own.names() {
		name := ownerOf(part)
		if s, err := own.lstat(part); err == nil && s.regular() && strings.HasSuffix(part, partSuffix) && c.Is(name) {
			all = append(all, &Entry{Name: name, Size: s.Size, Used: s.modified(), Partial: true})
		}
	}
	return all
}

// lastUse returns when an object was last used, given when it was downloaded.
func (d *directory) lastUse(name string, downloaded time.Time) time.Time {
	if d == nil {
		return downloaded
	}
	s, err := d.lstat(name + usedSuffix)
	if err != nil || s.modified().Before(downloaded) {
		return downloaded
	}
	return s.modified()
}

// remove removes an entry, unless a process downloads, copies or checks it. It reports whether it has removed it.
func (c *Cache) remove(e *Entry) bool {
	d := c.Store.Destination(filepath.Join(c.Dir, e.Name))
	if d.Create() != nil {
		return false
	}
	defer d.Close()
	l, err := d.tryLock()
	if err != nil || l.f == nil {
		return false // another process has the lock, or just creates or removes it
	}
	defer d.hold(l.f)()
	d.locked = l.held
	if e.Partial {
		d.Clean()
		return !slices.ContainsFunc(d.all(partSuffix), d.own.exists)
	}
	o, err := d.OpenObject()
	if err == nil {
		defer o.Close()
		if isShared(o.f) {
			return false
		}
	}
	return d.removeObject() == nil
}

// Tidy removes what is known of objects that no longer exist, as far as this user may.
func (c *Cache) Tidy() {
	dir, err := openDirectory(c.Dir)
	if err != nil {
		return
	}
	defer dir.close()
	shared, err := dir.sub(sharedName)
	if err != nil {
		return
	}
	defer shared.close()
	c.tidy(dir, shared, usedSuffix)
	if own, err := shared.sub(ownName()); err == nil {
		c.tidy(dir, own, receiptSuffix)
		own.close()
	}
}

func (c *Cache) tidy(dir, state *directory, suffix string) {
	for _, file := range state.someNames(maxEntries) {
		if name, ok := strings.CutSuffix(file, suffix); ok && c.Is(name) && !dir.exists(name) {
			_ = state.remove(file)
		}
	}
}

// Kept makes the cache as small as it may be, after an object was downloaded whose size nobody knew before.
func (c *Cache) Kept(name string, size int64) error { return c.makeRoom(name, size, 0) }

// makeRoom removes what was not used for longest until an object of a size may be in the cache, and the volume has room
// for the bytes that are missing of it.
func (c *Cache) makeRoom(name string, size, more int64) error {
	if c.Max <= 0 {
		return nil
	}
	if size > c.Max {
		text := fmt.Sprintf("the file has %s, and the cache may have %s", bytesize.Text(size), bytesize.Text(c.Max))
		return Refusal(text, "--cache-max sets the maximum.", nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	dir, err := openDirectory(c.Dir)
	if err != nil {
		return &Error{usererr.Local(err)}
	}
	defer dir.close()
	missing := lacking(dir, more)
	if missing <= 0 && c.size+size <= c.Max && time.Since(c.listed) < relistAfter*c.took {
		c.size += size
		return nil
	}
	start := time.Now()
	entries, err := c.Entries()
	if err != nil {
		return err
	}
	if len(entries) >= maxEntries {
		return Refusal("the directory of the cache has too many files", "Remove files of others from it, or name another directory.", nil)
	}
	c.listed = time.Now()
	c.took = c.listed.Sub(start)
	return c.evict(entries, name, size, missing)
}

// lacking returns how many bytes the volume of a directory has less than needed; not more than zero if it has enough, or
// does not say.
func lacking(d *directory, needed int64) int64 {
	free, _, ok := space(d)
	if !ok {
		return 0
	}
	return needed - free
}

// evict removes entries until an object fits into the cache, and the volume has so many bytes more.
func (c *Cache) evict(entries []*Entry, name string, size, missing int64) error {
	entries = slices.DeleteFunc(entries, func(e *Entry) bool { return e.Name == name })
	c.size = size + Size(entries)
	c.RemoveAll(entries, func(*Entry) bool { return c.size > c.Max || missing > 0 }, func(e *Entry) {
		c.size -= e.Size
		missing -= e.Size
	})
	if c.size > c.Max {
		text := fmt.Sprintf("the cache has no room for %s: what is in it is in use, or belongs to other users", bytesize.Text(size))
		return Refusal(text, "raise --cache-max, or run inith cache prune as a user who may remove it", nil)
	}
	return nil
}

// Size returns how many bytes entries have.
func Size(entries []*Entry) (n int64) {
	for _, e := range entries {
		n += e.Size
	}
	return n
}

// RemoveAll removes those of the entries that gone chooses, and calls removed after each one. What a process downloads,
// copies or checks stays, and what this user may not remove.
func (c *Cache) RemoveAll(entries []*Entry, gone func(e *Entry) bool, removed func(e *Entry)) {
	for _, e := range entries {
		if gone(e) && c.remove(e) {
			removed(e)
		}
	}
}
