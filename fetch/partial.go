package fetch

import (
	"cmp"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A partial is a file that is being fetched. Bytes are written where they belong,
// so that two writers of the same object do each other no harm.
type partial struct {
	f       *os.File
	path    string
	journal *journal // nil: the file is too small to resume, or cannot be resumed
	flusher
}

// openPartial opens the partial file of an object, and makes room for it. With
// goOn it is there with a journal.
func (p place) openPartial(o object, goOn, resumable bool) (*partial, error) {
	path, journalPath := p.partPaths(o)
	flags := os.O_RDWR | os.O_CREATE
	if !goOn {
		_ = os.Remove(path) // what is there may be anything
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o644) //nolint:gosec // the mode of the destination, less the umask
	if err != nil {
		return nil, localError("create", err)
	}
	part := &partial{f: f, path: path}
	if o.Size > 0 {
		err = allocate(f, o.Size)
	}
	if err == nil && resumable && o.Size > unit {
		part.journal, err = createJournal(journalPath, o, goOn)
	}
	if err != nil {
		part.close()
		return nil, localError("make room for", err)
	}
	return part, nil
}

// note puts units into the journal, whose bytes have just been written.
func (p *partial) note(r *ranges, units []int64, known map[int64]uint32) error {
	if p.journal == nil {
		return nil
	}
	for _, u := range units {
		crc, ok := known[u]
		if !ok { // two workers wrote it
			var err error
			if crc, err = p.checksum(r.unit(u)); err != nil {
				return err
			}
		}
		if err := p.journal.addUnit(u, crc); err != nil {
			return localError("write the journal of", err)
		}
	}
	return nil
}

func (p *partial) checksum(s Span) (uint32, error) {
	b := make([]byte, s.len())
	if _, err := p.f.ReadAt(b, s.Start); err != nil {
		return 0, localError("read", err)
	}
	return crc32.Checksum(b, castagnoli()), nil
}

func (p *partial) close() {
	_ = p.f.Close()
	if p.journal != nil {
		p.journal.close()
	}
}

// remove closes and removes the partial file and its journal.
func (p *partial) remove() {
	p.close()
	_ = os.Remove(p.path)
	_ = os.Remove(strings.TrimSuffix(p.path, ".part") + ".journal")
}

// commit gives the file the name of the destination, once all of it is on the
// disk. Where a symbolic link is, the file takes its place.
func (p *partial) commit(dest string, mode fs.FileMode) error {
	if mode != 0 {
		if err := p.f.Chmod(mode); err != nil {
			return localError("set the mode of", err)
		}
	}
	if err := cmp.Or(syncData(p.f), p.f.Close()); err != nil {
		return localError("write", err)
	}
	if err := os.Rename(p.path, dest); err != nil {
		return localError("rename to", err)
	}
	if p.journal != nil {
		p.journal.close()
		_ = os.Remove(p.journal.f.Name())
	}
	return syncFolder(filepath.Dir(dest))
}

// syncFolder makes a rename last. A file system that cannot do so has no better.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return nil // a folder can be written and not read
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); errors.Is(err, syscall.EIO) {
		return localError("write the folder of", err)
	}
	return nil
}
