package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// splitLayers separates the files of a directory from the archives that hold others of its files. These get names that no file
// can have, for the stage.
func splitLayers(objects []source.Object) (files, layers []source.Object) {
	for _, o := range objects {
		if o.Layer == nil {
			files = append(files, o)
			continue
		}
		o.Name = fmt.Sprintf(".inith/layers/%d", o.Layer.Order)
		layers = append(layers, o)
	}
	return files, layers
}

// unpack puts what the layers among the files hold into the stage, and returns the files that are to be published: those of the
// layers instead of the layers, and without those that are at the destination. A run that is killed meanwhile begins with the
// layers again, which it does not fetch again.
func (d *directory) unpack(ctx context.Context, stage *store.Stage, fetched []*member) ([]*member, error) {
	isLayer := func(m *member) bool { return m.Layer != nil }
	if !slices.ContainsFunc(d.files, isLayer) {
		return fetched, nil
	}
	d.enter(Extracting)
	layers := slices.DeleteFunc(slices.Clone(d.files), func(m *member) bool { return !isLayer(m) })
	slices.SortFunc(layers, func(a, b *member) int { return cmp.Compare(b.Layer.Order, a.Layer.Order) })
	u := newUnpacking(d, stage)
	for _, m := range layers {
		if err := u.unpack(ctx, m); err != nil {
			return nil, cannotUnpack(ctx, stage, err)
		}
	}
	if err := u.link(ctx); err != nil {
		return nil, cannotUnpack(ctx, stage, err)
	}
	return d.unpacked(ctx, stage, u)
}

// unpacked takes the place of the layers among the files of the directory.
func (d *directory) unpacked(ctx context.Context, stage *store.Stage, u *unpacking) ([]*member, error) {
	members, err := u.members()
	if err != nil {
		return nil, cannotUnpack(ctx, stage, err)
	}
	d.files = append(slices.DeleteFunc(d.files, func(m *member) bool { return m.Layer != nil }), members...)
	records := map[string]*store.FileRecord{} // in the stage
	for _, m := range d.files {
		records[m.Name] = m.record
	}
	if err := d.lookAtFiles(ctx); err != nil {
		return nil, err
	}
	if err := cmp.Or(d.checkSumsName(), d.checkOthers()); err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(d.files), func(m *member) bool { return m.kept })
	stage.Prune(namesOf(missing))
	for _, m := range missing {
		if m.record = records[m.Name]; !m.unpacked {
			continue
		}
		m.record = d.describe(m, m.Digests[0])
		if err := stage.Record(m.record); err != nil { // not before: what has two names changes when it loses one
			return nil, err
		}
	}
	return missing, nil
}

// cannotUnpack explains why layers cannot be unpacked. Those of which none ever can are not kept.
func cannotUnpack(ctx context.Context, stage *store.Stage, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if source.IsPermanent(err) || isBadArchive(err) {
		stage.Remove()
	}
	if stored, ok := errors.AsType[*store.Error](err); ok {
		return stored
	}
	if source.IsPermanent(err) {
		return err
	}
	if isBadArchive(err) {
		return source.Permanent(&usererr.Error{Text: "cannot " + err.Error(), Err: err})
	}
	known := usererr.Local(err)
	return store.Refusal("cannot extract a layer: "+known.Text, known.Hint, err)
}
