package archive

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Walk calls visit for each entry of the archive in file, a tar, tar.gz or tar.zst, in the order that the archive has them. It
// writes nothing. Names and targets are as the archive has them: what to make of them is left to visit, and only the number of
// entries and their bytes are bounded, as by [Extract]. Visit need not read the content. Its error ends the walk.
//
// Errors wrap [ErrFormat] or [ErrLimit], are the cause of ctx, or are those of visit and of the system.
func Walk(ctx context.Context, file *os.File, limits Limits, visit func(h *tar.Header, content io.Reader) error) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	first, err := head(file)
	if err != nil {
		return err
	}
	f, err := detect(first, "layer.tar")
	if err == nil && f.open == nil {
		err = unsupported("a " + f.name)
	}
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	b := newBudget(limits, info.Size())
	err = walk(ctx, io.NewSectionReader(file, 0, info.Size()), f.open, b.unpacked, func(h *tar.Header, content io.Reader) error {
		if err := cmp.Or(b.addEntry(), b.addBytes(h.Size)); err != nil {
			return err
		}
		return visit(h, readerFunc(func(p []byte) (int, error) {
			n, err := content.Read(p)
			if err != nil && !errors.Is(err, io.EOF) {
				err = damaged(err)
			}
			return n, err
		}))
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("extract %s: %w", f.name, err)
	}
	return nil
}
