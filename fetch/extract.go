package fetch

import (
	"context"
	"errors"

	"github.com/inith/inith/fetch/archive"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/internal/usererr"
)

// extract turns the partial file, whose digest is verified, into the directory that it
// holds, which is written when all of it is on the disk.
func (a *attempt) extract(ctx context.Context, part *store.Partial, r store.Receipt) error {
	a.enter(Extracting)
	if err := a.dest.Replaceable(); err != nil {
		return err
	}
	tree, err := a.dest.NewTree()
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := a.unpack(ctx, part, tree); err != nil {
		return err
	}
	a.enter(Renaming)
	if err := tree.Publish(r); err != nil {
		return err
	}
	part.Remove()
	a.writeReceipt(ctx, r, tree.Identity())
	return nil
}

func (a *attempt) unpack(ctx context.Context, part *store.Partial, tree *store.Tree) error {
	_, err := archive.Extract(ctx, part.File(), a.file.URL.Path, tree.Root, archive.Limits{})
	if err == nil || ctx.Err() != nil {
		return err
	}
	_, entry := errors.AsType[*archive.EntryError](err)
	if entry || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit) {
		part.Remove() // it has the right digest: a second try would fail as well
		return store.Refusal("cannot "+err.Error(), "", err)
	}
	known := usererr.Local(err)
	return store.Refusal("cannot extract the file: "+known.Text, known.Hint, err)
}
