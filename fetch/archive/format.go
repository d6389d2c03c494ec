package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// HeadSize is how many bytes of a file [Detect] looks at.
const HeadSize = 1024

// maxWindow is the size of the zstd window that every decoder should support
// (RFC 8878, section 3.1.1.1.2), and the most that zstd takes up to level 19.
const maxWindow = 8 << 20

// A format is a kind of archive.
type format struct {
	name    string
	is      func(head []byte, name string) bool
	open    opener // of a tar; nil: it is none
	extract func(ctx context.Context, file *io.SectionReader, t *tree) error
}

func formats() []format {
	return []format{
		{"tar", isTar, stored, untar(stored)},
		{"tar.gz", isGzip, gunzip, untar(gunzip)},
		{"tar.zst", isZstd, unzstd, untar(unzstd)},
		{"zip", isZip, nil, unzip},
	}
}

// A foreign format is recognized by its first bytes too, and not extracted.
type foreign struct{ name, magic string }

func foreignFormats() []foreign {
	return []foreign{
		{"compressed with xz", "\xfd7zXZ\x00"},
		{"compressed with lzma", "\x5d\x00\x00"},
		{"compressed with lzip", "LZIP\x01"},
		{"compressed with lz4", "\x04\x22\x4d\x18"},
		{"compressed with compress (.Z)", "\x1f\x9d"},
		{"a 7z archive", "7z\xbc\xaf\x27\x1c"},
		{"a rar archive", "Rar!\x1a\x07"},
		{"an ar archive, as packages of Debian are", "!<arch>\n"},
		{"an rpm package", "\xed\xab\xee\xdb"},
		{"a cpio archive", "0707"},
		{"a squashfs file system", "hsqs"},
	}
}

// Detect returns the kind of the archive that begins with head, as in "tar.gz". Head
// has [HeadSize] bytes, fewer where the file is shorter. Name is that of the file: a
// program in front of a zip is recognized by it. The error wraps [ErrFormat],
// and names the kinds that are known and not extracted.
func Detect(head []byte, name string) (string, error) {
	f, err := detect(head, name)
	return f.name, err
}

func detect(head []byte, name string) (format, error) {
	all := formats()
	i := slices.IndexFunc(all, func(f format) bool { return f.is(head, name) })
	if i < 0 {
		return format{}, unsupported(kindOf(head))
	}
	switch {
	case all[i].name == "tar.gz" && !holdsTar(head):
		return format{}, unsupported("a single file compressed with gzip")
	case all[i].name == "tar.zst" && needsWindow(head) > maxWindow:
		return format{}, errWindow()
	default:
		return all[i], nil
	}
}

func unsupported(kind string) error {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return fmt.Errorf("%w: it is %s; supported are %s", ErrFormat, kind, strings.Join(names, ", "))
}

// kindOf names what is not extracted.
func kindOf(head []byte) string {
	for _, f := range foreignFormats() {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	const block, end = "1AY&SY", "\x17\x72\x45\x38\x50\x90"
	if bytes.HasPrefix(head, []byte("BZh")) && len(head) > 9 && slices.Contains([]string{block, end}, string(head[4:10])) {
		return "compressed with bzip2"
	}
	return "of no known kind"
}

// isTar goes by the magic bytes or, in an archive of 1979's tar, the checksum of the
// first header. One without entries has nothing but zeros.
func isTar(head []byte, name string) bool {
	if len(head) < blockSize {
		return false
	}
	header := head[:blockSize]
	switch {
	case bytes.HasPrefix(header[257:], []byte("ustar")):
		return true
	case isZero(header):
		return strings.HasSuffix(strings.ToLower(name), ".tar")
	default:
		return hasChecksum(header)
	}
}

// hasChecksum reports whether a tar header has the sum of its bytes, of which those of
// the sum itself count as spaces.
func hasChecksum(header []byte) bool {
	const start, end = 148, 156
	sum := (end - start) * int(' ')
	for i, c := range header {
		if i < start || i >= end {
			sum += int(c)
		}
	}
	want, err := strconv.ParseInt(strings.Trim(string(header[start:end]), " \x00"), 8, 32)
	return err == nil && int(want) == sum
}

func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func isGzip(head []byte, _ string) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }

// holdsTar reports whether the gzip file that begins with head may be a tar.
func holdsTar(head []byte) bool {
	r, err := gunzip(bytes.NewReader(head))
	if err != nil {
		return true // that it is damaged is found out by reading it
	}
	header := make([]byte, blockSize)
	n, _ := io.ReadFull(r, header)
	return n < blockSize || isTar(header, ".tar")
}

// isZstd knows skippable frames too, with which some programs begin.
func isZstd(head []byte, _ string) bool {
	return bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) ||
		len(head) > 4 && head[0]&0xf0 == 0x50 && bytes.HasPrefix(head[1:], []byte("\x2a\x4d\x18"))
}

// needsWindow returns the size of the window that the first zstd frame needs.
func needsWindow(head []byte) uint64 {
	var h zstd.Header
	switch err := h.Decode(head); {
	case err != nil:
		return 0
	case h.SingleSegment:
		return h.FrameContentSize
	default:
		return h.WindowSize
	}
}

func errWindow() error {
	return fmt.Errorf("%w: its zstd window is larger than %d MiB; compress it without --long and --ultra", ErrFormat, maxWindow>>20)
}

// isZip goes by the name where a program is in front that extracts the archive.
func isZip(head []byte, name string) bool {
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	return slices.ContainsFunc([]string{"PK\x03\x04", "PK\x05\x06", "PK\x07\x08"}, begins) ||
		strings.HasSuffix(strings.ToLower(name), ".zip") && slices.ContainsFunc([]string{"MZ", "#!", "\x7fELF"}, begins)
}

func stored(r io.Reader) (io.ReadCloser, error) {
	return io.NopCloser(bufio.NewReaderSize(r, bufferSize)), nil
}

func unzstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r,
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// head returns the first bytes of a file.
func head(file io.ReaderAt) ([]byte, error) {
	b := make([]byte, HeadSize)
	n, err := file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, bare(err)
	}
	return b[:n], nil
}
