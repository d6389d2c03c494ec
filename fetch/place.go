package fetch

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stateFolder is beside the destination, on its file system: it has the partial
// files and their journals, the locks and the receipts.
const stateFolder = ".inith"

// A place is a destination and where its state is.
type place struct {
	dest     string // path
	name     string // that the files of the state begin with
	*listing        // of the folder of the state
}

// place returns that of a destination. Those of one folder share its listing.
func (f *Fetcher) place(dest string) place {
	name := filepath.Base(dest)
	const most = 180 // bytes of the 255 that a name may have
	if len(name) > most {
		name = name[:most] + hashOf(name)
	}
	folder := filepath.Join(filepath.Dir(dest), stateFolder)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listings == nil {
		f.listings = map[string]*listing{}
	}
	if f.listings[folder] == nil {
		f.listings[folder] = &listing{folder: folder}
	}
	return place{dest: dest, name: name, listing: f.listings[folder]}
}

func (p place) state(suffix string) string { return filepath.Join(p.folder, p.name+suffix) }

// hashOf names something in a file name without telling it.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

const (
	partSuffix    = ".part"
	journalSuffix = ".journal"
)

// newPart returns the path of a new partial file. No other process comes upon the
// same: whatever they do, a path means the file of the one that made it.
func (p place) newPart() string { return p.state("." + rand.Text() + partSuffix) }

// journalOf returns the path of the journal of a partial file.
func journalOf(part string) string { return strings.TrimSuffix(part, partSuffix) + journalSuffix }

// partOf is the inverse of [journalOf].
func partOf(journal string) string { return strings.TrimSuffix(journal, journalSuffix) + partSuffix }

// all returns the paths of the partial files, or of the journals.
func (p place) all(suffix string) []string {
	return slices.DeleteFunc(p.of(p.name), func(path string) bool { return !strings.HasSuffix(path, suffix) })
}

// resumable returns the record of a partial file of what is wanted, with a free
// choice among the versions of the object: the server will tell if it is still
// that one. It removes the others.
//
// Bytes of another source, or of whatever the server sends now, may differ until
// the digest has spoken: they go only where no other process writes, or has
// looked already. Alone says that the lock of the destination is ours.
func (p place) resumable(source, digest string, alone, untagged bool) *record {
	var best *record
	for _, path := range p.all(journalSuffix) {
		r, err := readJournal(path)
		if err != nil || r.Digest != digest || digest == "" && (r.Source != source || r.Tag == "") || len(r.units) == 0 {
			continue
		}
		r.part = partOf(path)
		if stat, err := os.Stat(r.part); err != nil || !stat.Mode().IsRegular() {
			continue
		}
		same := r.Source == source && r.Tag != "" && !untagged
		if used, known := inUse(r.part); used || !same && (!known || !alone) {
			continue
		}
		if best == nil || len(r.units) > len(best.units) {
			best = r
		}
	}
	keep := ""
	if best != nil {
		keep = best.part
	}
	p.clean(keep)
	return best
}

// clean removes partial files and journals, but for one to keep and those that
// other processes are at.
func (p place) clean(keep string) {
	for _, part := range p.all(partSuffix) {
		if used, _ := inUse(part); used || part == keep {
			continue
		}
		_ = os.Remove(part)
	}
	for _, journal := range p.all(journalSuffix) { // a part is there before its journal
		if fileInfo(os.Lstat(partOf(journal))) == nil {
			_ = os.Remove(journal)
		}
	}
}

// cleanFolders removes what runs that were killed had extracted, and the folders
// that they had replaced. It is for the holder of the lock. A folder loses its
// name at once: should its process live, it will not put half of it anywhere.
func (p place) cleanFolders() {
	for _, path := range p.of(p.name) {
		old := strings.HasSuffix(path, oldSuffix)
		stat := fileInfo(os.Lstat(path))
		if stat == nil || !stat.IsDir() || old && fileInfo(os.Lstat(p.dest)) == nil {
			continue
		}
		dead := p.state(extractInfix + rand.Text())
		if os.Rename(path, dead) == nil {
			_ = os.RemoveAll(dead)
		}
	}
}

// inUse reports whether another process has a partial file open, and whether the
// file system lets us know.
func inUse(path string) (used, known bool) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, false
	}
	defer func() { _ = f.Close() }()
	locked, err := tryLock(f)
	return err == nil && !locked, err == nil
}
