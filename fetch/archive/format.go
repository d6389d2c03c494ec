package archive

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the size of the zstd window that every decoder should support
// (RFC 8878, section 3.1.1.1.2), and the most that zstd takes up to level 19.
const maxWindow = 8 << 20

// A format is a kind of archive.
type format struct {
	name    string
	ends    []string // of file names
	offset  int      // of the magic bytes
	magic   []string // one of them
	extract func(ctx context.Context, file *io.SectionReader, t *tree) error
}

func formats() []format {
	return []format{
		{"tar", []string{".tar"}, 257, []string{"ustar"}, untar(stored)},
		{"tar.gz", []string{".tar.gz", ".tgz"}, 0, []string{"\x1f\x8b"}, untar(gunzip)},
		{"tar.zst", []string{".tar.zst", ".tzst"}, 0, []string{"\x28\xb5\x2f\xfd"}, untar(unzstd)},
		{"zip", []string{".zip"}, 0, []string{"PK\x03\x04", "PK\x05\x06"}, unzip},
	}
}

// detect returns the format of a file, by its first bytes or else by its name.
func detect(file io.ReaderAt, name string) (format, error) {
	head := make([]byte, 512)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, bare(err)
	}
	byMagic := func(f format) bool {
		return n > f.offset && slices.ContainsFunc(f.magic, func(magic string) bool {
			return strings.HasPrefix(string(head[f.offset:n]), magic)
		})
	}
	byName := func(f format) bool {
		return slices.ContainsFunc(f.ends, func(end string) bool {
			return strings.HasSuffix(strings.ToLower(name), end)
		})
	}
	all := formats()
	for _, is := range []func(format) bool{byMagic, byName} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], nil
		}
	}
	var names []string
	for _, f := range all {
		names = append(names, f.name)
	}
	return format{}, fmt.Errorf("%w: of no known kind (%s)", ErrFormat, strings.Join(names, ", "))
}

func stored(r io.Reader) (io.ReadCloser, error) {
	return io.NopCloser(bufio.NewReaderSize(r, bufferSize)), nil
}

func gunzip(r io.Reader) (io.ReadCloser, error) {
	return gzip.NewReader(bufio.NewReaderSize(r, bufferSize)) // of all members
}

func unzstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r,
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
