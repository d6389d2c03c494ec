package schema

import (
	"bytes"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A directory has the files that a schema refers to.
type directory struct {
	root *os.Root
	path string
	ids  map[string]string // the file that has an $id, "" for none, as far as it was searched for
}

// load is a [Loader]. A URI of the network means the file that has it as $id, else the file that has its name.
func (d *directory) load(uri string) ([]byte, string, error) {
	if rest, ok := strings.CutPrefix(uri, local); ok {
		return d.read(filepath.FromSlash(rest))
	}
	if name, ok := d.withID(uri); ok {
		return d.read(name)
	}
	_, rest, _ := strings.Cut(uri, "://")
	data, name, err := d.read(path.Base(rest))
	if errors.Is(err, fs.ErrNotExist) || !strings.Contains(rest, "/") {
		err = errOutside
	}
	return data, name, err
}

// read reads a file. A reference may leave out the extension.
func (d *directory) read(name string) (data []byte, file string, err error) {
	data, err = readIn(d.root, name)
	if errors.Is(err, fs.ErrNotExist) && filepath.Ext(name) == "" {
		name += ".json"
		data, err = readIn(d.root, name)
	}
	return data, filepath.Join(d.path, name), err
}

// withID returns the file in which a schema has a URI as its $id.
func (d *directory) withID(uri string) (string, bool) {
	uri = strings.TrimSuffix(uri, "#")
	if name, known := d.ids[uri]; known || len(d.ids) == maxSearches {
		return name, name != ""
	}
	id := regexp.MustCompile(`\bid["']?[ \t]*:[ \t]*["']?` + regexp.QuoteMeta(uri) + `(#|["'\s,}]|$)`)
	name := ""
	for file, data := range d.schemas() {
		if bytes.Contains(data, []byte(uri)) && id.Match(data) {
			name = file
			break
		}
	}
	d.ids[uri] = name
	return name, name != ""
}

// The bounds of the search for an $id.
const (
	maxSearches = 100
	maxSearched = 64 << 20 // bytes
)

// schemas yields the files that may be schemas.
func (d *directory) schemas() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		left := maxSearched
		entries, _ := fs.ReadDir(d.root.FS(), ".")
		for _, e := range entries {
			if !slices.Contains([]string{".json", ".yaml", ".yml"}, filepath.Ext(e.Name())) || !e.Type().IsRegular() && e.Type()&fs.ModeSymlink == 0 {
				continue
			}
			data, err := readIn(d.root, e.Name())
			left -= len(data)
			if left < 0 || err == nil && !yield(e.Name(), data) {
				return
			}
		}
	}
}
