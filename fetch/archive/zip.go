package archive

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"strings"
)

// encrypted are the flags of an entry that is, in one of three ways (APPNOTE
// 4.4.4).
const encrypted = 1<<0 | 1<<6 | 1<<13

func unzip(ctx context.Context, archive *io.SectionReader, t *tree) error {
	d, err := findDirectory(archive)
	if err != nil {
		return bare(damaged(err))
	}
	if d.entries > uint64(t.maxEntries) { //nolint:gosec // a limit below zero is none of ours
		return t.tooMany()
	}
	for part, err := range d.parts() {
		if err != nil {
			return bare(damaged(err))
		}
		r, err := zip.NewReader(part, part.Size())
		if err != nil {
			return bare(damaged(err))
		}
		for _, f := range r.File {
			if err := unzipEntry(ctx, f, t); err != nil {
				return within(f.Name, err)
			}
		}
	}
	return nil
}

func unzipEntry(ctx context.Context, f *zip.File, t *tree) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mode := f.Mode()
	switch {
	case strings.Contains(f.Name, `\`), strings.IndexByte(f.Name, ':') == 1:
		return refuse(f.Name, "its name has a backslash or a drive letter; pack it with / between directories")
	case f.Flags&encrypted != 0:
		return refuse(f.Name, "it is encrypted; pack it without a password")
	case mode.IsDir():
		return t.directory(f.Name)
	case !mode.IsRegular() && mode.Type() != fs.ModeSymlink:
		return refuse(f.Name, "it is a device, a pipe or a socket; only files, directories and links are extracted")
	}
	content, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return refuse(f.Name, "its compression method %d is not supported; pack it with deflate", f.Method)
	}
	if err != nil {
		return damaged(err)
	}
	defer func() { _ = content.Close() }()
	if mode.IsRegular() {
		size := int64(min(f.UncompressedSize64, math.MaxInt64))
		return t.file(ctx, file{f.Name, size, mode, f.Modified}, content)
	}
	target, err := io.ReadAll(io.LimitReader(content, maxPath+1))
	if err != nil {
		return damaged(err)
	}
	return t.symlink(f.Name, string(target))
}
