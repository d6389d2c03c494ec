package fetch

import (
	"errors"
	"path"
	"strings"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// A cacheLayout is how the hub's own client keeps a repository
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache): the bytes in blobs, by their digests; the files of
// a commit as links to them, in snapshots; and which commit a branch or a tag is, in refs.
type cacheLayout struct {
	links map[string]string // by path, where a link leads to
	ref   string            // the path of the file with the commit; "": the commit was named
}

// checkHubCache reports what does not go together with the cache.
func checkHubCache(file File) error {
	_, ok := source.HubCacheOf(file.URL)
	switch {
	case !file.HubCache:
		return nil
	case !ok:
		return errors.New("--hf-cache is for hf URLs")
	case file.WriteSums || file.Delete || file.InPlace:
		return errors.New("--hf-cache excludes --write-sums, --delete and --in-place: a cache has more than one revision")
	default:
		return nil
	}
}

// cached turns the files of a directory into blobs and links.
func (d *directory) cached(objects []source.Object, c source.HubCache) []source.Object {
	d.layout = &cacheLayout{links: map[string]string{}}
	if c.Revision != d.revision {
		d.layout.ref = path.Join("refs", c.Revision)
	}
	var blobs []source.Object
	seen := map[string]bool{}
	for _, o := range objects {
		blob := path.Join("blobs", o.Digests[0].Hex)
		link := path.Join("snapshots", d.revision, c.Path, o.Name)
		d.layout.links[link] = strings.Repeat("../", strings.Count(link, "/")) + blob
		if o.Name = blob; !seen[blob] {
			seen[blob] = true
			blobs = append(blobs, o)
		}
	}
	return blobs
}

// hasLayout reports whether the links and the reference are at the destination.
func (d *directory) hasLayout(view *store.View) bool {
	if d.layout == nil {
		return true
	}
	for name, target := range d.layout.links {
		if view.Link(name) != target {
			return false
		}
	}
	return d.layout.ref == "" || view.Text(d.layout.ref) == d.revision
}

// writeLayout writes the links, and the reference when all of them exist.
func (d *directory) writeLayout() error {
	if d.layout == nil {
		return nil
	}
	for name, target := range d.layout.links {
		if err := d.at.Link(name, target); err != nil {
			return err
		}
	}
	if d.layout.ref == "" {
		return nil
	}
	return d.at.WriteText(d.layout.ref, d.revision)
}
