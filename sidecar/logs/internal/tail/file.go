package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// An ID identifies a file whatever its name is.
type ID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

func idOf(info fs.FileInfo) ID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return ID{uint64(st.Dev), st.Ino} //nolint:unconvert // its type differs between platforms
	}
	return ID{}
}

func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // its type differs between platforms
	}
	return 1
}

const (
	startSize = 256 // bytes of the beginning of a file that identify its contents
	tailSize  = 64  // bytes before a position that do
)

// A Position is a place in a file.
type Position struct {
	Offset int64  // bytes from the beginning
	Tail   []byte // the bytes before, at most tailSize
	Inside bool   // within a line whose rest is not wanted
}

// A Span is bytes of a file that were read and are not yet acknowledged.
type Span struct {
	file *File // nil once the file is no longer of interest
	end  Position
	done bool
}

// A File is followed from a position on.
type File struct {
	ID   ID
	Path string // under which it was found first; it stays the same when the file is renamed

	real    string // its path without symbolic links, as far as known
	f       *os.File
	size    int64
	start   []byte    // the first bytes, at most startSize
	read    Position  // up to which it was read
	saved   Position  // up to which it was acknowledged
	spans   []*Span   // between the two, in order
	waiting time.Time // since when there is something to read; zero: there is nothing
	grew    time.Time // when it last did
	changed time.Time // its time of modification
	gone    time.Time // since when no pattern matches its path; zero: one does
	deleted bool      // no path leads to it
	stuck   int64     // the size at which what could be read was not complete
	stuckAt int       // how hard it was tried
}

// errTruncated says that a file no longer has the contents that were read.
var errTruncated = errors.New("truncated")

// errOutside says that a symbolic link leads out of the directory of its pattern.
var errOutside = errors.New("a symbolic link leads out of the directory")

// openFile opens a regular file below root. It waits for nothing, not even for the writer of a pipe.
func openFile(root, name string, outside bool) (f *os.File, resolved string, err error) {
	if resolved, err = filepath.EvalSymlinks(name); err != nil {
		return nil, "", err
	}
	if outside {
		f, err = os.OpenFile(resolved, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	} else {
		f, err = openBelow(root, resolved)
	}
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, "", err
	}
	return f, resolved, nil
}

// openBelow opens a path without symbolic links. [os.Root] holds it below root even if it is replaced meanwhile.
func openBelow(root, resolved string) (*os.File, error) {
	base, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(base, resolved)
	if err != nil || relative == ".." || strings.HasPrefix(relative, "../") {
		return nil, errOutside
	}
	r, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return r.OpenFile(relative, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// Unread returns how many bytes can be read.
func (f *File) Unread() int64 { return max(f.size-f.read.Offset, 0) }

// Undelivered returns how many bytes were not acknowledged.
func (f *File) Undelivered() int64 { return max(f.size-f.saved.Offset, 0) }

// Waiting returns since when there is something to read; zero if there is nothing.
func (f *File) Waiting() time.Time { return f.waiting }

// Grew returns when the file last grew.
func (f *File) Grew() time.Time { return f.grew }

// Position returns up to where the file was read.
func (f *File) Position() Position { return f.read }

// stat learns the size. Its error is errTruncated if the file has become shorter than what was read, or than what was seen
// where nothing was read yet.
func (f *File) stat(now time.Time) error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	before := f.size
	f.size, f.deleted = info.Size(), links(info) == 0
	if f.Unread() == 0 {
		f.waiting = time.Time{}
	} else if f.waiting.IsZero() {
		f.waiting = now
	}
	if f.size < f.read.Offset || f.size < before && f.read.Offset == 0 {
		return errTruncated
	}
	if f.size > before {
		f.grew = now
	}
	if info.ModTime().Equal(f.changed) {
		return nil
	}
	f.changed = info.ModTime()
	return f.checkStart() // it may be truncated again before it is read; its copy is found by its start
}

// Read reads what follows the position into buf, which also receives the bytes before it: a file that was truncated and
// has grown again shows by these. The position stays until [File.Take].
func (f *File) Read(buf []byte) (data []byte, err error) {
	if err := f.checkStart(); err != nil {
		return nil, err
	}
	before := len(f.read.Tail)
	n, err := f.f.ReadAt(buf, f.read.Offset-int64(before))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n < before || !bytes.Equal(buf[:before], f.read.Tail) {
		return nil, errTruncated
	}
	return buf[before:n], nil
}

// checkStart compares the beginning of the file with what it was, and learns more of it.
func (f *File) checkStart() error {
	var now [startSize]byte
	n, err := f.f.ReadAt(now[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.HasPrefix(now[:n], f.start) {
		return errTruncated
	}
	if n > len(f.start) {
		f.start = bytes.Clone(now[:n])
	}
	return nil
}

// Take moves the position over n bytes of data, which buf had before [File.Read]'s result. Inside says that the position
// is within a line whose rest is not wanted. The span is to be acknowledged.
func (f *File) Take(data []byte, n int, inside bool) *Span {
	f.read = Position{Offset: f.read.Offset + int64(n), Tail: lastBytes(f.read.Tail, data[:n]), Inside: inside}
	if f.Unread() == 0 {
		f.waiting = time.Time{}
	}
	f.stuck = 0
	s := &Span{file: f, end: f.read}
	f.spans = append(f.spans, s)
	return s
}

// Defer says that what can be read is not complete, trying as hard as effort says.
func (f *File) Defer(effort int) { f.stuck, f.stuckAt = f.size, effort }

// Deferred reports whether nothing more than at the last [File.Defer] is to be expected.
func (f *File) Deferred(effort int) bool { return f.stuck == f.size && effort <= f.stuckAt }

// Gone returns since when no pattern matches the path of the file; zero if one does.
func (f *File) Gone() time.Time { return f.gone }

// lastBytes returns the last bytes of two parts.
func lastBytes(before, data []byte) []byte {
	if len(data) >= tailSize {
		return bytes.Clone(data[len(data)-tailSize:])
	}
	all := append(bytes.Clone(before), data...)
	return all[max(0, len(all)-tailSize):]
}

// acknowledge takes over the spans that are done, in order. It reports whether the saved position has moved.
func (f *File) acknowledge() bool {
	n := 0
	for n < len(f.spans) && f.spans[n].done {
		f.saved = f.spans[n].end
		n++
	}
	f.spans = f.spans[n:]
	return n > 0
}

// restart makes the file one that was not read. What is in flight no longer moves its position.
func (f *File) restart() {
	for _, s := range f.spans {
		s.file = nil
	}
	f.spans, f.start, f.read, f.saved, f.size, f.stuck = nil, nil, Position{}, Position{}, 0, 0
}

// has reports whether the file holds what was read before the position, and loads it.
func (f *File) has(size int64, startLen int, startSum, tailSum string, at Position) (Position, error) {
	if size < at.Offset {
		return Position{}, errTruncated
	}
	start := make([]byte, startLen)
	tail := make([]byte, min(at.Offset, tailSize))
	if _, err := f.f.ReadAt(start, 0); err != nil && startLen > 0 {
		return Position{}, errTruncated
	}
	if _, err := f.f.ReadAt(tail, at.Offset-int64(len(tail))); err != nil && len(tail) > 0 {
		return Position{}, errTruncated
	}
	if sum(start) != startSum || sum(tail) != tailSum {
		return Position{}, errTruncated
	}
	at.Tail = tail
	return at, nil
}

func (f *File) String() string { return fmt.Sprintf("%s at %d of %d", f.Path, f.read.Offset, f.size) }
