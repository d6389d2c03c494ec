package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stateFolder is beside the destination, on its file system: it has the partial
// files and their journals, the locks and the receipts.
const stateFolder = ".inith"

// A place is a destination and where its state is.
type place struct {
	dest   string // path
	folder string // of the state
	name   string // that the files of the state begin with
}

func newPlace(dest string) place {
	name := filepath.Base(dest)
	const most = 180 // bytes of the 255 that a name may have
	if len(name) > most {
		name = name[:most] + hashOf(name)
	}
	return place{dest: dest, folder: filepath.Join(filepath.Dir(dest), stateFolder), name: name}
}

func (p place) state(suffix string) string { return filepath.Join(p.folder, p.name+suffix) }

// hashOf names something in a file name without telling it.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// partPaths returns the paths of the partial file of an object, and of its
// journal.
func (p place) partPaths(o object) (part, journal string) {
	key := hashOf(fmt.Sprintf("%s %s %d %s", o.Source, o.Tag, o.Size, o.Digest))
	return p.state("." + key + ".part"), p.state("." + key + ".journal")
}

// resumable returns the record of a partial file of what is wanted, with a free
// choice among the versions of the object: the server will tell if it is still
// that one. The files of others are removed: the lock of the destination is ours.
func (p place) resumable(source, digest string) *record {
	journals, _ := filepath.Glob(escapeGlob(p.state(".")) + "*.journal")
	var best *record
	keep := map[string]bool{}
	for _, path := range journals {
		r, err := readJournal(path)
		if err != nil || r.Digest != digest || digest == "" && (r.Source != source || r.Tag == "") || len(r.units) == 0 {
			continue
		}
		part, journal := p.partPaths(r.object)
		if stat, err := os.Stat(part); err != nil || journal != path || !stat.Mode().IsRegular() {
			continue
		}
		if best == nil || len(r.units) > len(best.units) {
			best, keep = r, map[string]bool{part: true, journal: true}
		}
	}
	p.clean(keep)
	return best
}

// clean removes partial files and journals, except those to keep.
func (p place) clean(keep map[string]bool) {
	for _, suffix := range []string{"*.journal", "*.part"} {
		all, _ := filepath.Glob(escapeGlob(p.state(".")) + suffix)
		for _, path := range all {
			if !keep[path] {
				_ = os.Remove(path)
			}
		}
	}
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
