package fetch

import (
	"cmp"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inith/inith/internal/atomicfile"
)

// A partial is a file that is being fetched. Its lock tells other processes that
// one is at it. Where they cannot see it, two may write the same object: bytes are
// written where they belong, and do each other no harm.
type partial struct {
	f       *os.File
	path    string
	journal *journal // nil: the file is too small to resume, or cannot be resumed
	flusher
}

// errGone says that the partial file to go on with is not there any more.
var errGone = errors.New("the partial file is gone")

// openPartial makes the partial file of an object, or with a record opens the one
// that it is of, and makes room for it.
func (p place) openPartial(o object, record *record, resumable bool) (*partial, error) {
	path, flags := p.newPart(), os.O_RDWR|os.O_CREATE|os.O_EXCL
	if record != nil {
		path, flags = record.part, os.O_RDWR
	}
	f, err := os.OpenFile(path, flags, 0o644) //nolint:gosec // the mode of the destination, less the umask
	switch {
	case record != nil && errors.Is(err, fs.ErrNotExist):
		return nil, errGone
	case err != nil:
		return nil, localError("create", err)
	}
	_, _ = tryLock(f) // it tells that we are here: who is without goes by the journal
	p.add(path)
	part := &partial{f: f, path: path}
	if o.Size > 0 {
		err = allocate(f, o.Size)
	}
	if err == nil && resumable && o.Size > unit {
		p.add(journalOf(path))
		part.journal, err = createJournal(journalOf(path), o, record != nil)
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
	p.unlink()
}

func (p *partial) unlink() {
	_ = os.Remove(p.path)
	if p.journal != nil {
		_ = os.Remove(p.journal.f.Name())
	}
}

// sync gives the file its mode and returns when all of it is on the disk.
func (p *partial) sync(mode fs.FileMode) error {
	if mode != 0 {
		if err := p.f.Chmod(mode); err != nil {
			return localError("set the mode of", err)
		}
	}
	if err := syncData(p.f); err != nil {
		return localError("write", err)
	}
	return nil
}

// rename gives the file, which is on the disk, the name of the destination. Where
// a symbolic link is, the file takes its place. It returns errGone when the file
// has its own name no more, and is not at the destination either.
func (p *partial) rename(dest string) error {
	err := os.Rename(p.path, dest)
	if errors.Is(err, fs.ErrNotExist) {
		mine, there := fileInfo(p.f.Stat()), fileInfo(os.Lstat(dest))
		if there == nil || !os.SameFile(mine, there) { // or another process that shared the file has put it there
			return errGone
		}
		err = nil
	}
	if err != nil {
		return localError("rename to", err)
	}
	p.unlink() // the journal
	return syncFolder(filepath.Dir(dest))
}

// copyTo makes the file anew at a path, given that its name was taken from it.
func (p *partial) copyTo(path string) error {
	stat, err := p.f.Stat()
	if err != nil {
		return localError("read", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil { //nolint:gosec // as other folders: less the umask
		return localError("make the folder of", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, stat.Mode().Perm())
	if err != nil {
		return localError("create", err)
	}
	_, _ = tryLock(f)
	_, err = p.f.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(f, p.f)
	}
	if err = cmp.Or(err, f.Chmod(stat.Mode().Perm()), syncData(f)); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return localError("write", err)
	}
	_ = p.f.Close()
	p.f, p.path = f, path
	return nil
}

// syncFolder makes a rename last.
func syncFolder(path string) error {
	if err := atomicfile.SyncFolder(path); err != nil {
		return localError("write the folder of", err)
	}
	return nil
}
