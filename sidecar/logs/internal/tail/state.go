package tail

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/inith/inith/internal/atomicfile"
	"github.com/inith/inith/internal/usererr"
)

// An entry is a line of the state: the acknowledged position of a file. A later line about the same file replaces it.
type entry struct {
	ID
	Path   string `json:"path,omitempty"`
	Real   string `json:"real,omitempty"` // where its directory is searched for it
	Offset int64  `json:"offset"`
	Inside bool   `json:"inside,omitempty"`
	Start  int    `json:"start_bytes"` // how many bytes StartSum is of
	Sum    string `json:"start_sum"`
	Tail   string `json:"tail_sum"`
	Gone   bool   `json:"gone,omitempty"` // the file is no longer followed
}

// stateVersion is in the first line of the state.
const stateVersion = 1

type header struct {
	Version int `json:"inith_logs"`
}

// sum is a checksum that says nothing about what it is of.
func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:8])
}

func entryOf(f *File) entry {
	return entry{
		ID: f.ID, Path: f.Path, Real: f.real, Offset: f.saved.Offset, Inside: f.saved.Inside,
		Start: len(f.start), Sum: sum(f.start), Tail: sum(f.saved.Tail),
	}
}

// A state is the file of acknowledged positions. A line is appended for each change, in one write, so that a killed
// process leaves all lines whole but the last one. From time to time the file is replaced by a shorter one.
type state struct {
	name    string
	lock    *os.File
	f       *os.File
	entries map[ID]entry
	lines   int  // of the file
	torn    bool // the last write was not complete
	existed bool // when it was opened
}

// openState reads the state in a directory, which it creates. Only one process can have it.
func openState(dir, name string) (*state, error) {
	if err := makeStateDir(dir); err != nil {
		return nil, err
	}
	s := &state{name: filepath.Join(dir, name+".state"), entries: map[ID]entry{}}
	if err := s.acquire(filepath.Join(dir, name+".lock")); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		s.close()
		return nil, err
	}
	if err := s.rewrite(); err != nil {
		s.close()
		return nil, &usererr.Error{
			Text: fmt.Sprintf("state %q: %s", s.name, usererr.Local(err)),
			Hint: "name a directory on a writable volume with --state", Err: err,
		}
	}
	return s, nil
}

// makeStateDir makes the directory of a state, and those above it.
func makeStateDir(dir string) error {
	err := makeShared(filepath.Dir(dir))
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return &usererr.Error{
			Text: fmt.Sprintf("state directory %q: %s", dir, usererr.Local(err)),
			Hint: "name a directory on a writable volume with --state", Err: err,
		}
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("state directory %q: it is a symbolic link: name its target", dir)
	}
	return nil
}

// makeShared makes a directory, and those above it, with the mode of the one that exists: an application that starts later
// than a native sidecar, and runs as another user, is to write its logs there.
func makeShared(dir string) error {
	_, err := os.Stat(dir)
	parent := filepath.Dir(dir)
	if !errors.Is(err, os.ErrNotExist) || parent == dir {
		return err
	}
	if err := makeShared(parent); err != nil {
		return err
	}
	info, err := os.Stat(parent)
	if err != nil {
		return err
	}
	return mkdir(dir, info.Mode())
}

// mkdir makes a directory with a mode from which the umask takes nothing.
func mkdir(dir string, mode os.FileMode) error {
	if err := os.Mkdir(dir, mode); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Clean(dir), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0) // it may be replaced already
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), f.Close())
}

// acquire keeps other processes from using the same state. A file system without locks has no better.
func (s *state) acquire(name string) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return &usererr.Error{
			Text: fmt.Sprintf("state %q: %s", name, usererr.Local(err)),
			Hint: "name a directory on a writable volume with --state", Err: err,
		}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return &usererr.Error{
			Text: fmt.Sprintf("state %q: another process uses it", name),
			Hint: "give each sidecar a directory of its own with --state", Err: err,
		}
	}
	s.lock = f
	return nil
}

func (s *state) load() error {
	f, err := os.OpenFile(s.name, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usererr.File("state", s.name, err)
	}
	defer func() { _ = f.Close() }()
	entries, err := readState(f)
	if err != nil {
		return fmt.Errorf("state %q: %w", s.name, err)
	}
	s.entries, s.existed = entries, true
	return nil
}

// maxPositions is how many files a state may name.
const maxPositions = 64 << 10

// readState reads a state. Lines that are not whole are left out: the last one of a killed process, for one.
func readState(r io.Reader) (map[ID]entry, error) {
	entries := map[ID]entry{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 64<<10)
	for n := 0; lines.Scan(); n++ {
		if n == 0 {
			var h header
			if json.Unmarshal(lines.Bytes(), &h) != nil || h.Version != stateVersion {
				return nil, errors.New("it was written by another version, or is damaged: remove it to begin again")
			}
			continue
		}
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Offset < 0 || e.Start < 0 || e.Start > startSize {
			continue
		}
		if delete(entries, e.ID); !e.Gone && len(entries) < maxPositions {
			entries[e.ID] = e
		}
	}
	return entries, lines.Err()
}

// put records the position of a file.
func (s *state) put(f *File) error { return s.add(entryOf(f)) }

// forget records that a file is no longer followed.
func (s *state) forget(id ID) error { return s.add(entry{ID: id, Gone: true}) }

func (s *state) add(e entry) error {
	delete(s.entries, e.ID)
	if !e.Gone {
		s.entries[e.ID] = e
	}
	if s.isDeleted() { // with the logs, by an application that begins with an empty directory
		if err := makeStateDir(filepath.Dir(s.name)); err != nil {
			return err
		}
		return s.rewrite()
	}
	if s.lines > 4*len(s.entries)+1024 {
		return s.rewrite()
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if line = append(line, '\n'); s.torn {
		line = append([]byte{'\n'}, line...)
	}
	_, err = s.f.Write(line)
	s.torn = err != nil
	s.lines++
	return err
}

func (s *state) isDeleted() bool {
	info, err := s.f.Stat()
	return err == nil && links(info) == 0
}

// rewrite replaces the file by one with a line per file that is followed.
func (s *state) rewrite() error {
	next, err := atomicfile.Create(s.name, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(next)
	out := json.NewEncoder(w)
	err = out.Encode(header{stateVersion})
	for _, e := range s.entries {
		if err == nil {
			err = out.Encode(e)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		next.Discard()
		return err
	}
	if err := next.Commit(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.name, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	if s.f != nil {
		_ = s.f.Close()
	}
	s.f, s.lines, s.torn = f, len(s.entries)+1, false
	return nil
}

func (s *state) close() {
	if s.f != nil {
		_ = s.f.Sync()
		_ = s.f.Close()
	}
	_ = s.lock.Close()
}
