package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"sync"
)

const (
	stageSuffix  = ".stage"
	stageRoot    = "root"     // becomes the directory
	stageParts   = "parts"    // partial files
	stageRecords = "finished" // what is known of the files in the root
)

// A Stage has the files of a directory until all of them are verified. It is kept in the state, so
// that a run which was killed is continued.
type Stage struct {
	dest  *Destination
	dir   *directory
	root  *directory
	parts *directory
	names *listing // of parts

	mu       sync.Mutex
	records  *os.File
	finished map[string]*FileRecord // by path
}

// OpenStage opens the stage of the destination, whose lock the caller has. It must be closed.
func (d *Destination) OpenStage() (*Stage, error) {
	s := &Stage{dest: d, names: &listing{}, finished: map[string]*FileRecord{}}
	if err := s.open(); err != nil {
		s.Close()
		return nil, refused("create .inith next to", err)
	}
	return s, nil
}

func (s *Stage) open() error {
	const private, public = 0o700, 0o777 // less the umask
	own := s.dest.own
	if own == nil {
		return errGone
	}
	var err error
	if s.dir, err = own.ensure(s.dest.state+stageSuffix, private); err != nil {
		return err
	}
	if s.root, err = s.dir.ensure(stageRoot, public); err != nil {
		return err
	}
	if s.parts, err = s.dir.ensure(stageParts, private); err != nil {
		return err
	}
	s.recall()
	return s.startRecords()
}

// recall reads what an earlier run has finished, as far as it counts.
func (s *Stage) recall() {
	f, err := s.dir.openOwn(stageRecords, os.O_RDONLY)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	r, err := readDirectoryRecord(f)
	if err == nil && s.dest.safe && r.Boot != "" && r.Boot == bootID() {
		s.finished = r.Files
	}
}

// startRecords begins the records of this run with those that count.
func (s *Stage) startRecords() error {
	_ = s.dir.remove(stageRecords)
	var err error
	if s.records, err = s.dir.open(stageRecords, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	r := &DirectoryRecord{Boot: bootID(), Files: s.finished}
	return r.write(s.records)
}

// Close closes the stage, and removes it if there is nothing in it.
func (s *Stage) Close() {
	if s.records != nil {
		_ = s.records.Close()
	}
	s.parts.close()
	s.root.close()
	if s.dir == nil {
		return
	}
	_ = s.dir.removeDirectory(stageParts)
	if s.dir.removeDirectory(stageRoot) == nil {
		_ = s.dir.remove(stageRecords)
	}
	s.dir.close()
	if s.dest.own != nil {
		_ = s.dest.own.removeDirectory(s.dest.state + stageSuffix)
	}
}

// Remove removes all that is in the stage. It must be closed nevertheless.
func (s *Stage) Remove() {
	_ = s.dest.own.removeAll(s.dest.state + stageSuffix)
}

// File returns the destination of a file of the directory: in the stage. It must be closed.
func (s *Stage) File(name string) (*Destination, error) {
	parent, err := s.root.descend(path.Dir(name), (*directory).ensurePublic)
	if err != nil {
		return nil, refused("create the directory for", err)
	}
	return &Destination{
		Path: filepath.Join(s.dest.Path, filepath.FromSlash(name)), store: s.dest.store, name: path.Base(name), state: memberState(name),
		listing: s.names, stage: s, parent: parent, shared: s.dest.shared, own: s.parts, safe: s.dest.safe, locked: s.dest.locked,
	}, nil
}

// memberState returns what the names of the state of a file of a directory begin with.
func memberState(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

func (d *directory) ensurePublic(name string) (*directory, error) { return d.ensure(name, 0o777) }

// Finished returns the record of a file in the stage, if the file is still what the record speaks for.
func (s *Stage) Finished(name string) (*FileRecord, bool) {
	s.mu.Lock()
	r := s.finished[name]
	s.mu.Unlock()
	return r, r != nil && r.File == identityIn(s.root, name)
}

// Finish records a file in the stage.
func (s *Stage) Finish(r *FileRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished[r.Path] = r
	if err := (lineWriter{s.records}).add("file", r); err != nil {
		return refused("write the record of", err)
	}
	return nil
}

// Write writes a small file to the stage.
func (s *Stage) Write(name string, b []byte) (Identity, error) {
	_ = s.root.remove(name)
	f, err := s.root.create(name, 0o644)
	if err != nil {
		return Identity{}, refused("write", err)
	}
	_, err = f.Write(b)
	file := identityOf(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return Identity{}, refused("write", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished[name] = &FileRecord{Path: name, File: file}
	return file, nil
}

// EnoughSpace is [Destination.EnoughSpace] for the files of the stage together.
func (s *Stage) EnoughSpace(size int64) error {
	const block = 512
	for _, name := range s.parts.names() {
		if info, err := s.parts.lstat(name); err == nil {
			size -= info.Blocks * block
		}
	}
	for _, r := range s.finished {
		size -= r.File.Size
	}
	return s.dest.EnoughSpace(size, nil)
}

// Prune removes what is in the stage and not wanted.
func (s *Stage) Prune(wanted map[string]bool) {
	states := map[string]bool{}
	for name := range wanted {
		states[memberState(name)] = true
	}
	for _, name := range s.parts.names() {
		if !states[ownerOf(name)] {
			_ = s.parts.remove(name)
		}
	}
	s.root.prune("", wanted)
	maps.DeleteFunc(s.finished, func(name string, r *FileRecord) bool { return !wanted[name] || r.File != identityIn(s.root, name) })
}

// prune removes the files below d that are not wanted, and directories that are empty then.
func (d *directory) prune(at string, wanted map[string]bool) {
	for _, name := range d.names() {
		full := path.Join(at, name)
		info, err := d.lstat(name)
		switch {
		case err != nil:
		case info.directory():
			if below, err := d.sub(name); err == nil {
				below.prune(full, wanted)
				below.close()
			}
			_ = d.removeDirectory(name)
		case !wanted[full] || !info.regular():
			_ = d.remove(name)
		}
	}
}

// identityIn returns the identity of what is at a relative path in a directory, reached without links.
func identityIn(root *directory, name string) Identity {
	parent, err := root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return Identity{}
	}
	defer parent.close()
	now, err := parent.lstat(path.Base(name))
	if err != nil || !now.regular() {
		return Identity{}
	}
	return now.identity()
}

// Place gives the file, which is verified, the name of its destination in the stage. Whether its
// bytes are on the disk is left to [Stage.Sync].
func (p *Partial) Place(mode fs.FileMode) (Identity, error) {
	if mode != 0 {
		if err := p.f.Chmod(mode); err != nil {
			return Identity{}, refused("set the mode of", err)
		}
	}
	if err := p.insist(p.rename); err != nil {
		return Identity{}, err
	}
	file := p.Identity()
	startWrite(p.f, 0, file.Size) // so that the last sync is short
	return file, nil
}
