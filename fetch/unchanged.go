package fetch

import (
	"context"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// unchangedDirectory reports whether the directory at the destination is the one that a URL means,
// by its record and by the revision of the source: no files are listed.
func (t *Transfer) unchangedDirectory(ctx context.Context, l location) (Result, bool, error) {
	if notForDirectories(t.file) != nil {
		return Result{}, false, nil
	}
	dest, err := t.directoryDestination()
	if err != nil {
		return Result{}, false, nil // the URL may mean a file
	}
	defer dest.Close()
	dest.Look()
	r := dest.DirectoryRecord()
	if r == nil || r.Source != store.ID(nameOf(l.url)) || r.Selection != t.file.selection() || len(r.Files) == 0 {
		return Result{}, false, nil
	}
	d, err := t.recorded(ctx, dest, r, nameOf(l.url))
	if err != nil || !d.complete() {
		t.crowd.Store(nil)
		return Result{}, false, err
	}
	if !t.file.WriteSums { // else what the list says holds, until it is removed
		revision, err := t.revision(ctx, l)
		if err != nil || revision == "" || revision != r.Revision {
			t.crowd.Store(nil)
			return Result{}, false, err
		}
	}
	return d.upToDate(ctx), true, nil
}

// recorded returns the directory that a record describes.
func (t *Transfer) recorded(ctx context.Context, dest *store.Destination, r *store.DirectoryRecord, name string) (*directory, error) {
	var objects []source.Object
	for _, f := range r.Files {
		o := source.Object{Name: f.Path, Size: f.File.Size, Validator: f.Validator}
		for _, s := range f.Server {
			o.Digests = append(o.Digests, source.AnyDigest(s))
		}
		objects = append(objects, o)
	}
	d := &directory{Transfer: t, name: name, revision: r.Revision, crowd: &crowd{}}
	d.add(objects)
	if r.Links != nil {
		d.layout = &cacheLayout{r.Links, r.Ref}
	}
	d.at, d.record = dest, r
	return d, d.lookAtFiles(ctx)
}
