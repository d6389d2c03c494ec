// Package store keeps downloads on the disk: the destination, its lock, the partial
// file with its journal, and the receipt of what was fetched. It knows no network.
//
// A destination has the old content or the whole new one, never a part. State is kept
// in .inith/UID next to it, in a directory that only this user can write to, and is
// reached without following links. It is no evidence: a receipt or a hash state counts
// only for the file, by device, inode, size and time of change, that it speaks for.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// sharedName is the directory next to the destination, on its file system. It has the
// locks, and a directory for the state of each user.
const sharedName = ".inith"

// A Store is what the destinations of a process share. The zero value is ready to use.
type Store struct {
	MemoryLimit int64 // bytes that the cgroup allows; zero: no limit
	MemoryFree  int64 // bytes of these that nobody uses
	DiskLimit   int64 // bytes that may be written in total; zero: no limit

	mu       sync.Mutex
	listings map[string]*listing // by directory
	reserved int64               // bytes that transfers write
}

// Drops reports whether the pages of a file of so many bytes are better freed when they are on the disk. A limit that
// holds the file twice lets the application read it from memory.
func (s *Store) Drops(size int64) bool { return s.MemoryLimit > 0 && s.MemoryLimit < 2*size }

// A Destination is a file or directory to write, with its state.
type Destination struct {
	Path string

	store   *Store
	dir     string // the path of the parent
	name    string // the last element of Path
	state   string // what the names of the state begin with
	listing *listing
	stage   *Stage // whose directories this file of a directory uses; nil: it has its own

	parent *directory // that the destination is in; nil: not open
	shared *directory // for all users
	own    *directory // for this user
	safe   bool       // nobody else can have written to own
	locked bool       // no other process writes to the destination

	reserved int64 // bytes of what all transfers may write

	room func(size, more int64) error // makes room for an object of a cache, of which so many bytes are missing; nil: it is none
}

// Destination returns that at a path. Those of one directory share what is known of
// its state. It must be closed.
func (s *Store) Destination(path string) *Destination {
	path = filepath.Clean(path)
	name := filepath.Base(path)
	d := &Destination{Path: path, store: s, dir: filepath.Dir(path), name: name, state: stateName(name)}
	d.listing = s.listingOf(d.dir)
	return d
}

// Inside returns the destination of the files of a directory, which stays what it is: the state is kept
// in it. It must be closed.
func (s *Store) Inside(path string) *Destination {
	path = filepath.Clean(path)
	return &Destination{Path: path, store: s, dir: path, name: ".", listing: s.listingOf(path)}
}

// Within reports whether the destination keeps its state in itself.
func (d *Destination) Within() bool { return d.name == "." }

func (s *Store) listingOf(dir string) *listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listings == nil {
		s.listings = map[string]*listing{}
	}
	if s.listings[dir] == nil {
		s.listings[dir] = &listing{}
	}
	return s.listings[dir]
}

// stateName returns what the names of a destination's state begin with: a name may
// have 255 bytes.
func stateName(name string) string {
	const most = 180
	if len(name) > most {
		return name[:most] + ID(name)
	}
	return name
}

// ID returns what identifies s in the state without revealing it.
func ID(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// Look opens the directories that exist, and creates nothing. What is missing or
// cannot be read counts as empty.
func (d *Destination) Look() {
	if d.parent != nil {
		return
	}
	parent, err := openDirectory(d.dir)
	if err != nil {
		return
	}
	d.parent = parent
	if d.shared, err = parent.sub(sharedName); err != nil {
		d.shared = nil
		return
	}
	if d.own, err = d.shared.sub(ownName()); err != nil {
		d.own = nil
		return
	}
	d.safe = isSafe(d.own)
}

// Create opens the directories, and creates those that are missing.
func (d *Destination) Create() error {
	if d.stage != nil {
		return refused("write", errGone)
	}
	d.Close()
	if err := os.MkdirAll(d.dir, 0o777); err != nil { //nolint:gosec // as other directories: less the umask
		return refused("create the directory for", err)
	}
	var err error
	if d.parent, err = openDirectory(d.dir); err != nil {
		return refused("open the directory of", err)
	}
	d.shared, err = d.parent.openShared()
	if err == nil {
		d.own, d.safe, err = d.shared.openOwnDirectory()
	}
	if err != nil {
		d.Close()
		return refused("create .inith next to", err)
	}
	return nil
}

// errGone means that somebody has removed the directory of the state while it was in use.
var errGone = errors.New("its directory in .inith was removed")

// Close closes the directories.
func (d *Destination) Close() {
	if d.stage != nil {
		d.parent.close()
		return
	}
	d.own.close()
	d.shared.close()
	d.parent.close()
	d.own, d.shared, d.parent, d.safe = nil, nil, nil, false
}

// Safe reports whether nobody else can have written the state. File systems that make
// up owners and modes (CIFS, FAT) cannot say.
func (d *Destination) Safe() bool { return d.safe }

// stat returns what is at the destination. A link is not followed.
func (d *Destination) stat() (s stat, exists bool) {
	if d.parent == nil {
		return stat{}, false
	}
	s, err := d.parent.lstat(d.name)
	return s, err == nil
}

// Identity returns that of what is at the destination, the zero Identity for nothing.
func (d *Destination) Identity() Identity {
	s, exists := d.stat()
	if !exists {
		return Identity{}
	}
	return s.identity()
}

// Chmod sets the permission bits of the file at the destination, as far as this user
// may: another user's file stays as it is.
func (d *Destination) Chmod(mode fs.FileMode) {
	f, err := d.openFile()
	if err != nil {
		return
	}
	_ = f.Chmod(mode)
	_ = f.Close()
}

// openFile opens the file at the destination for reading.
func (d *Destination) openFile() (*os.File, error) {
	if d.parent == nil {
		return nil, fs.ErrNotExist
	}
	f, err := d.parent.open(d.name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if s, err := statOf(f); err != nil || !s.regular() {
		_ = f.Close()
		return nil, errForeign
	}
	return f, nil
}

func ownName() string { return strconv.Itoa(os.Geteuid()) }
