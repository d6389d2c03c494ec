package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inith/inith/fetch/archive"
)

const (
	extractInfix = ".extract-"
	oldSuffix    = ".old"
)

// extract turns the partial file, whose digest is verified, into the folder that
// it holds. The folder appears when all of it is on the disk. The receipt becomes
// that of the folder.
func (a *attempt) extract(ctx context.Context, part *partial, r *receipt) error {
	if err := a.replaceable(); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(a.place.folder, a.place.name+extractInfix)
	if err != nil {
		return localError("extract", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := os.Chmod(fresh, 0o755); err != nil { //nolint:gosec // the application reads it as another user
		return localError("extract", err)
	}
	if err := a.unpack(ctx, part, fresh); err != nil {
		return err
	}
	a.enter(Renaming)
	if stat := fileInfo(os.Stat(fresh)); stat != nil {
		*r = r.of(stat)
		_ = a.prepare(*r) // what does not work now may work when it counts
	}
	if err := a.swap(fresh); err != nil {
		return err
	}
	part.remove()
	return syncFolder(filepath.Dir(a.place.dest))
}

func (a *attempt) unpack(ctx context.Context, part *partial, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return localError("extract", err)
	}
	defer func() { _ = root.Close() }()
	_, err = archive.Extract(ctx, part.f, a.file.URL.Path, root, archive.Limits{})
	if err == nil || ctx.Err() != nil {
		return err
	}
	_, entry := errors.AsType[*archive.EntryError](err)
	if entry || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit) {
		part.remove() // it has the right digest: a second try would fail as well
		return refusal("cannot "+err.Error(), "", err)
	}
	return localError("extract", err)
}

// replaceable reports whether the destination may be replaced: it is not there,
// is empty, or was made by an earlier run.
func (a *attempt) replaceable() error {
	entries, err := os.ReadDir(a.place.dest)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return localError("read the folder of", err)
	}
	if _, ours := a.readReceipt(); ours {
		return nil
	}
	return refusal("the folder is not empty, and was not made by inith or has changed since",
		"name a folder that does not exist, or remove this one", nil)
}

// swap gives the fresh folder the name of the destination. What was there before
// is removed.
func (a *attempt) swap(fresh string) error {
	err := os.Rename(fresh, a.place.dest)
	if err == nil {
		return nil
	}
	if exchange(fresh, a.place.dest) == nil {
		return nil
	}
	if _, missing := os.Stat(a.place.dest); missing != nil {
		return localError("rename to", err)
	}
	old := fresh + oldSuffix
	if err := os.Rename(a.place.dest, old); err != nil {
		return localError("replace", err)
	}
	defer func() { _ = os.RemoveAll(old) }()
	if err := os.Rename(fresh, a.place.dest); err != nil {
		return fmt.Errorf("%w (the old folder is %s)", localError("rename to", err), filepath.Base(old))
	}
	return nil
}
