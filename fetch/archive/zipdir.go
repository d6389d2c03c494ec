package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
)

// Records of a zip archive: the first bytes and the fixed length of each
// (APPNOTE 4.3).
const (
	entrySignature     = "PK\x01\x02"
	end64Signature     = "PK\x06\x06"
	locator64Signature = "PK\x06\x07"
	endSignature       = "PK\x05\x06"

	entryLen     = 46
	end64Len     = 56
	locator64Len = 20
	endLen       = 22
)

// partSize is how much of a directory is read at once. [zip.Reader] takes some
// eight times as much memory.
const partSize = 512 << 10

var errNoEnd = fmt.Errorf("%w: its end is missing, or something follows it; get it again", ErrFormat)

// A directory is the list of entries at the end of a zip archive.
//
// [zip.NewReader] would read all of it: 350 MB for a million entries. So it
// gets the list in parts, each as the directory of an archive that has no other
// entries.
type directory struct {
	archive      *io.SectionReader // without what may come before it
	offset, size int64
	entries      uint64
}

// findDirectory finds the directory of an archive, which must be the last in its
// file.
func findDirectory(archive *io.SectionReader) (directory, error) {
	tail := make([]byte, min(archive.Size(), endLen+1<<16))
	if _, err := archive.ReadAt(tail, archive.Size()-int64(len(tail))); err != nil {
		return directory{}, err
	}
	at := len(tail) - endLen
	for at >= 0 && !isEnd(tail[at:]) {
		at--
	}
	if at < 0 {
		return directory{}, errNoEnd
	}
	if locator := tail[:at]; len(locator) >= locator64Len {
		locator = locator[at-locator64Len:]
		if bytes.HasPrefix(locator, []byte(locator64Signature)) {
			return directory64(archive, int64At(locator, 8))
		}
	}
	return newDirectory(archive, archive.Size()-int64(len(tail)-at), directory{
		entries: uint64(binary.LittleEndian.Uint16(tail[at+10:])),
		size:    int64(binary.LittleEndian.Uint32(tail[at+12:])),
		offset:  int64(binary.LittleEndian.Uint32(tail[at+16:])),
	})
}

// isEnd reports whether b is the record that ends an archive, with its comment.
func isEnd(b []byte) bool {
	return bytes.HasPrefix(b, []byte(endSignature)) &&
		int(binary.LittleEndian.Uint16(b[20:])) == len(b)-endLen
}

// directory64 returns the directory whose record, in the format for large
// archives, is at end.
func directory64(archive *io.SectionReader, end int64) (directory, error) {
	record := make([]byte, end64Len)
	if _, err := archive.ReadAt(record, end); err != nil {
		return directory{}, err
	}
	if !bytes.HasPrefix(record, []byte(end64Signature)) {
		return directory{}, zip.ErrFormat
	}
	return newDirectory(archive, end, directory{
		entries: binary.LittleEndian.Uint64(record[32:]),
		size:    int64At(record, 40),
		offset:  int64At(record, 48),
	})
}

// newDirectory returns d, which is followed by what is at end. The difference
// to where it says that it is must be what comes before the archive, such as a
// program that extracts it.
func newDirectory(archive *io.SectionReader, end int64, d directory) (directory, error) {
	before := end - d.size - d.offset
	if d.size > end || before < 0 {
		return directory{}, zip.ErrFormat
	}
	d.archive = io.NewSectionReader(archive, before, archive.Size()-before)
	return d, nil
}

// int64At returns a number of a record; none is larger than a file can be.
func int64At(record []byte, at int) int64 {
	return int64(min(binary.LittleEndian.Uint64(record[at:]), math.MaxInt64))
}

// parts returns archives that have the entries of the directory, a part each.
func (d directory) parts() iter.Seq2[*io.SectionReader, error] {
	return func(yield func(*io.SectionReader, error) bool) {
		r := bufio.NewReader(io.NewSectionReader(d.archive, d.offset, d.size))
		var found uint64
		for {
			part, n, err := readPart(r)
			found += n
			// Old programs write the count of an archive with more than
			// 65535 entries modulo that.
			if errors.Is(err, io.EOF) && uint16(found) != uint16(d.entries) { //nolint:gosec // see above
				err = zip.ErrFormat
			}
			if errors.Is(err, io.EOF) || !yield(d.with(part, n), err) {
				return
			}
		}
	}
}

// readPart reads whole entries of a directory, n of them. The error is [io.EOF]
// if there are no more.
func readPart(r *bufio.Reader) (part []byte, n uint64, err error) {
	for len(part) < partSize {
		header, err := r.Peek(entryLen)
		if errors.Is(err, io.EOF) && len(header) == 0 && n > 0 {
			return part, n, nil
		}
		if err != nil {
			return nil, n, err
		}
		if !bytes.HasPrefix(header, []byte(entrySignature)) {
			return nil, n, zip.ErrFormat
		}
		length := entryLen
		for _, field := range []int{28, 30, 32} { // of the name, the extra field and the comment
			length += int(binary.LittleEndian.Uint16(header[field:]))
		}
		part = append(part, make([]byte, length)...)
		if _, err := io.ReadFull(r, part[len(part)-length:]); err != nil {
			return nil, n, io.ErrUnexpectedEOF
		}
		n++
	}
	return part, n, nil
}

// with returns the archive with another directory behind it, of n entries.
func (d directory) with(part []byte, n uint64) *io.SectionReader {
	offset := uint64(d.archive.Size()) //nolint:gosec // a size
	tail := slices.Clip(part)
	le := binary.LittleEndian

	tail = append(tail, end64Signature...)
	tail = le.AppendUint64(tail, end64Len-12)
	tail = append(tail, make([]byte, 12)...) // versions and disks
	tail = le.AppendUint64(tail, n)
	tail = le.AppendUint64(tail, n)
	tail = le.AppendUint64(tail, uint64(len(part)))
	tail = le.AppendUint64(tail, offset)

	tail = append(tail, locator64Signature...)
	tail = le.AppendUint32(tail, 0)
	tail = le.AppendUint64(tail, offset+uint64(len(part)))
	tail = le.AppendUint32(tail, 1)

	tail = append(tail, endSignature...)
	tail = le.AppendUint32(tail, 0)
	tail = append(tail, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...) // see the records before

	both := extended{d.archive, tail}
	return io.NewSectionReader(both, 0, both.head.Size()+int64(len(tail)))
}

// An extended reader is another with more behind it.
type extended struct {
	head *io.SectionReader
	tail []byte
}

func (e extended) ReadAt(p []byte, offset int64) (n int, err error) {
	if left := e.head.Size() - offset; left > 0 {
		n, err = e.head.ReadAt(p[:min(int64(len(p)), left)], offset)
		if int64(n) < left || n == len(p) {
			return n, err
		}
	}
	m := copy(p[n:], e.tail[offset+int64(n)-e.head.Size():])
	if n+m < len(p) {
		return n + m, io.EOF
	}
	return n + m, nil
}
