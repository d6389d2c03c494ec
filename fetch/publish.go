package fetch

import (
	"context"
	"errors"

	"github.com/inith/inith/fetch/archive"
	"github.com/inith/inith/fetch/internal/engine"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// publish brings the file, or what the archive holds, to the destination.
func (t *Transfer) publish(ctx context.Context, s source.Source, v *engine.Verified) (Result, error) {
	part := v.Partial
	defer part.Close()
	r := v.Receipt
	r.Evidence = t.got.String()
	result := Result{
		Path: t.dest.Path, Source: s.Name(), Size: r.Size, Resumed: t.progress.Snapshot().Present, Digest: v.Digest, Evidence: t.got,
	}
	if t.file.Extract {
		return result, t.extract(ctx, part, r)
	}
	t.enter(Syncing)
	if err := part.Sync(t.file.Mode); err != nil {
		return Result{}, err
	}
	t.enter(Renaming)
	if err := part.Publish(r); err != nil {
		return Result{}, err
	}
	t.writeReceipt(ctx, r, part.Identity())
	return result, nil
}

// extractable reports what cannot become the directory, given the first bytes of the
// archive.
func (t *Transfer) extractable(head []byte) error {
	if err := t.dest.Replaceable(); err != nil || head == nil {
		return err
	}
	_, err := archive.Detect(head, t.file.URL.Path)
	if err == nil {
		return nil
	}
	text := err.Error()
	if looks := engine.Looks(head); looks != "" {
		text = archive.ErrFormat.Error() + ": what was sent is " + looks
	}
	return source.Permanent(&usererr.Error{Text: "cannot extract: " + text, Err: err})
}

// extract turns the partial file, whose digest is verified, into the directory that it
// holds, which is written when all of it is on the disk.
func (t *Transfer) extract(ctx context.Context, part *store.Partial, r store.Receipt) error {
	t.enter(Extracting)
	if err := t.dest.Replaceable(); err != nil {
		return err
	}
	tree, err := t.dest.NewTree()
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := t.unpack(ctx, part, tree); err != nil {
		return err
	}
	t.enter(Renaming)
	if err := tree.Publish(r); err != nil {
		return err
	}
	part.Remove()
	t.writeReceipt(ctx, r, tree.Identity())
	t.dest.Extracted()
	return nil
}

func (t *Transfer) unpack(ctx context.Context, part *store.Partial, tree *store.Tree) error {
	_, err := archive.Extract(ctx, part.File(), t.file.URL.Path, tree.Root, archive.Limits{})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if isBadArchive(err) {
		part.Remove() // it has the right digest: a second try would fail as well
		return store.Refusal("cannot "+err.Error(), "", err)
	}
	known := usererr.Local(err)
	return store.Refusal("cannot extract the file: "+known.Text, known.Hint, err)
}

// isBadArchive reports whether an archive can never be extracted.
func isBadArchive(err error) bool {
	_, entry := errors.AsType[*archive.EntryError](err)
	return entry || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit)
}

// writeReceipt writes the receipt, and removes what is of no use now.
func (t *Transfer) writeReceipt(ctx context.Context, r store.Receipt, file store.Identity) {
	t.enter(Recording)
	t.dest.Clean()
	t.confirm(ctx, r, file)
}
