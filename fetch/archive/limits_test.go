package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/inith/inith/fetch/archive"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// tarHeader returns the header of a file, for whose content something else
// stands.
func tarHeader(tb testing.TB, size int64) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "bomb", Size: size, Mode: 0o644}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// zstBomb is what data is compressed to, with a hole of so many zeros behind it.
func zstBomb(data []byte, zeros int) []byte {
	blocks := []block{{data: data}}
	for ; zeros > 0; zeros -= 128 << 10 {
		blocks = append(blocks, block{zeros: min(zeros, 128<<10)})
	}
	return frame(20, blocks...)
}

func gzBomb(data []byte, zeros int) []byte {
	return append(gz(data), bytes.Repeat(gz(make([]byte, mib)), zeros/mib)...)
}

func zipBomb(tb testing.TB, declared uint64, zeros int) []byte {
	tb.Helper()
	var part, b bytes.Buffer
	hole := make([]byte, mib)
	w, _ := flate.NewWriter(&part, flate.BestCompression)
	_, _ = w.Write(hole)
	_ = w.Flush()
	sum := crc32.NewIEEE()
	for range zeros / mib {
		_, _ = sum.Write(hole)
	}
	content := append(bytes.Repeat(part.Bytes(), zeros/mib), 3, 0)
	z := zip.NewWriter(&b)
	f, err := z.CreateRaw(&zip.FileHeader{
		Name: "bomb", Method: zip.Deflate, CRC32: sum.Sum32(),
		CompressedSize64: uint64(len(content)), UncompressedSize64: declared,
	})
	if err == nil {
		_, err = f.Write(content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// written returns how many bytes are in the root.
func (p place) written(tb testing.TB) int64 {
	tb.Helper()
	var total int64
	err := filepath.WalkDir(p.root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return total
}

// TestBombs has archives of which a naive extraction gets hundreds of bytes for
// each of theirs.
func TestBombs(t *testing.T) {
	header := tarHeader(t, gib)
	small := makeTar(t, file("a", "x"))
	zipped := zipBomb(t, gib, gib)
	first := func(r io.Reader, err error) io.Reader {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ofZip := func(data []byte) io.Reader {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		return first(z.File[0].Open())
	}
	ofTar := func(r io.Reader) io.Reader {
		tr := tar.NewReader(r)
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
		return tr
	}
	ungz := func(data []byte) io.Reader { return first(gzip.NewReader(bytes.NewReader(data))) }
	unzst := func(data []byte) io.Reader { return first(zstd.NewReader(bytes.NewReader(data))) }
	for _, tt := range []struct {
		name   string
		data   []byte
		naive  func(data []byte) io.Reader // what it would write, nil: nothing
		limits archive.Limits
		most   int64 // bytes that may be written
	}{
		{"tar.gz", gzBomb(header, gib), func(d []byte) io.Reader { return ofTar(ungz(d)) }, archive.Limits{}, 0},
		{"tar.zst", zstBomb(header, gib+1024), func(d []byte) io.Reader { return ofTar(unzst(d)) }, archive.Limits{}, 0},
		{"zip", zipped, ofZip, archive.Limits{}, 0},
		{"zip that lies", zipBomb(t, mib, gib), nil, archive.Limits{}, mib},
		{"hole", sparse(t, "bomb", gib), func(d []byte) io.Reader { return ofTar(bytes.NewReader(d)) }, archive.Limits{}, 0},
		{"zeros behind the end", zstBomb(small, archive.FreeBytes+mib), nil, archive.Limits{}, 1},
		{"ratio", zipped, ofZip, archive.Limits{Ratio: 500}, 0},
		{"bytes", makeTar(t, file("a", "123"), file("b", "123")), nil, archive.Limits{Bytes: 5}, 3},
		{"size below zero", zipBomb(t, 1<<63, mib), nil, archive.Limits{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.naive != nil {
				const enough = 32 * mib
				if n, _ := io.CopyN(io.Discard, tt.naive(tt.data), enough); n != enough || len(tt.data) > enough/20 {
					t.Fatalf("naive: %d bytes of %d: this case shows nothing", n, len(tt.data))
				}
			}
			p := newPlace(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := p.extract(t, "x", tt.data, tt.limits)
			runtime.ReadMemStats(&after)
			want := archive.ErrLimit
			if strings.Contains(tt.name, "lies") {
				want = archive.ErrFormat
			}
			if !errors.Is(err, want) {
				t.Errorf("err = %v, want %v", err, want)
			}
			if got := p.written(t); got > tt.most {
				t.Errorf("wrote %d bytes, want at most %d", got, tt.most)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 16*mib {
				t.Errorf("took %d MiB of memory", got/mib)
			}
		})
	}
}

// TestWithinLimits has what must not be taken for a bomb.
func TestWithinLimits(t *testing.T) {
	const size = 8 * mib
	for _, tt := range []struct {
		name   string
		data   []byte
		limits archive.Limits
	}{
		{"small, but compresses well", zstBomb(tarHeader(t, size), size+1024), archive.Limits{}},
		{"trusted", zipBomb(t, 65*mib, 65*mib), archive.Limits{Ratio: 1e6}},
		{"just as many", makeTar(t, file("a/b", "123"), file("c", "")), archive.Limits{Entries: 3, Bytes: 3}},
	} {
		if _, err := newPlace(t).extract(t, "x", tt.data, tt.limits); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestEntries(t *testing.T) {
	var many []member
	for i := range 200 {
		many = append(many, file(fmt.Sprint(i), ""))
	}
	for name, data := range map[string][]byte{
		"tar":     makeTar(t, many...),
		"zip":     makeZip(t, many...),
		"folders": makeTar(t, file(strings.Repeat("a/", 200)+"b", "")),
		"links":   makeTar(t, append(many[:99:99], symlink("a", "1"), link("b", "1"))...),
	} {
		t.Run(name, func(t *testing.T) {
			p, victim := newPlace(t), newPlace(t)
			if victim.naive(t, data); len(list(t, victim.root)) <= 100 {
				t.Fatal("a naive extraction makes few: this case shows nothing")
			}
			_, err := p.extract(t, "x", data, archive.Limits{Entries: 100})
			if got := len(list(t, p.root)); !errors.Is(err, archive.ErrLimit) || got > 101 {
				t.Errorf("%d entries, err = %v", got, err)
			}
		})
	}
}

// TestZstdWindow bounds what a decoder keeps, which the archive chooses.
func TestZstdWindow(t *testing.T) {
	whole := makeTar(t, file("a", "x"))
	for log, ok := range map[int]bool{23: true, 24: false, 27: false} {
		data := frame(log, block{data: whole})
		r, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("naive: %v", err)
		}
		_, err = newPlace(t).extract(t, "x", data, archive.Limits{})
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "--long") {
			t.Errorf("a window of %d MiB: err = %v", 1<<log/mib, err)
		}
		second := append(zst(nil), data...)
		if _, err = newPlace(t).extract(t, "x", second, archive.Limits{}); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "--long") {
			t.Errorf("a window of %d MiB in the second frame: err = %v", 1<<log/mib, err)
		}
	}
	if _, err := archive.Detect(frame(27, block{data: whole})[:16], "x"); err == nil || !strings.Contains(err.Error(), "--long") {
		t.Errorf("the header of a frame with a window of 128 MiB: err = %v", err)
	}
	single := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 1} // of 16 MiB, which is its own window
	if _, err := archive.Detect(single, "x"); err == nil || !strings.Contains(err.Error(), "--long") {
		t.Errorf("a frame that is its own window: err = %v", err)
	}
	if _, err := newPlace(t).extract(t, "x", append(zst(nil), single...), archive.Limits{}); err == nil || !strings.Contains(err.Error(), "--long") {
		t.Errorf("a second frame that is its own window: err = %v", err)
	}
}

// FuzzExtract extracts anything: nothing may be written outside of the root,
// lead outside of it, or be more than the limits.
func FuzzExtract(f *testing.F) {
	for _, r := range append(refused, refusedTar...) {
		f.Add(makeTar(f, r.members...), "")
	}
	for _, r := range refused {
		f.Add(makeZip(f, r.members...), "")
	}
	f.Add(gz(makeTar(f, good()...)), "")
	f.Add(zst(makeTar(f, good()...)), "")
	f.Add(zstBomb(tarHeader(f, mib), mib+1024), "")
	f.Add(sparse(f, "hole", mib), "x.tar")
	f.Add([]byte("x"), "x.zip")
	limits := archive.Limits{Entries: 50, Bytes: 100_000}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		p := newPlaceInMemory(t)
		summary, err := p.extract(t, name, data, limits)
		if err == nil && (summary.Entries > limits.Entries || summary.Bytes > limits.Bytes) {
			t.Errorf("got %+v", summary)
		}
		if got := p.written(t); got > limits.Bytes {
			t.Errorf("%d bytes", got)
		}
		err = filepath.WalkDir(p.root, func(path string, _ fs.DirEntry, err error) error {
			if p.escapes("." + strings.TrimPrefix(path, p.root)) {
				t.Errorf("%q leads outside", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
