package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/inith/inith/fetch/archive"
)

// A member is an entry of an archive to make, of either kind.
type member struct {
	name   string
	kind   byte // as in tar
	target string
	body   string
	mode   fs.FileMode
}

func file(name, body string) member {
	return member{name: name, kind: tar.TypeReg, body: body, mode: 0o644}
}

func directory(name string) member       { return member{name: name, kind: tar.TypeDir, mode: 0o755} }
func symlink(name, target string) member { return member{name, tar.TypeSymlink, target, "", 0o777} }
func link(name, target string) member    { return member{name, tar.TypeLink, target, "", 0o644} }

var packed = time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)

func makeTar(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := tar.Header{
			Name: m.name, Typeflag: m.kind, Linkname: m.target, Size: int64(len(m.body)),
			Mode: int64(m.mode.Perm()), ModTime: packed, Uid: 12345, Gid: 12345,
		}
		if m.mode&fs.ModeSetuid != 0 {
			h.Mode |= 0o7000
		}
		if m.kind == tar.TypeXGlobalHeader {
			h = tar.Header{Typeflag: m.kind, PAXRecords: map[string]string{"path": "../global", "comment": "x"}}
		}
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, m.body); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func makeZip(tb testing.TB, members ...member) []byte {
	tb.Helper()
	modes := map[byte]fs.FileMode{
		tar.TypeDir: fs.ModeDir, tar.TypeSymlink: fs.ModeSymlink, tar.TypeFifo: fs.ModeNamedPipe,
		tar.TypeChar: fs.ModeDevice | fs.ModeCharDevice, tar.TypeBlock: fs.ModeDevice, 's': fs.ModeSocket,
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: packed}
		h.SetMode(m.mode | modes[m.kind])
		f, err := w.CreateHeader(&h)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, m.body+m.target); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zst(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}

// A block is one of a zstd frame: as it is, or a zero so many times.
type block struct {
	data  []byte
	zeros int
}

// frame makes a zstd frame with a window of a size of our choice.
func frame(windowLog int, blocks ...block) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte(windowLog-10) << 3}
	for i, block := range blocks {
		header := uint32(len(block.data)) << 3
		content := block.data
		if block.zeros > 0 {
			header, content = uint32(block.zeros)<<3|1<<1, []byte{0}
		}
		if i == len(blocks)-1 {
			header |= 1
		}
		b = append(binary.LittleEndian.AppendUint32(b, header)[:len(b)+3], content...)
	}
	return b
}

// sparse makes a tar archive, in the old GNU format, of one file that is nothing
// but a hole.
func sparse(tb testing.TB, name string, size int64) []byte {
	tb.Helper()
	b := makeTar(tb, file(name, ""))
	h := b[:512]
	h[156] = tar.TypeGNUSparse
	copy(h[257:], "ustar  \x00")
	copy(h[345:512], make([]byte, 167))
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	copy(h[483:], fmt.Sprintf("%011o\x00", size))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// A place is a directory to extract to, in one with something beside it.
type place struct{ parent, root string }

const bystander = "not yours"

func newPlace(tb testing.TB) place {
	tb.Helper()
	return newPlaceIn(tb, tb.TempDir())
}

// newPlaceInMemory is newPlace on tmpfs where there is one: a fuzz target that waits
// for a disk tries a handful of inputs a minute.
func newPlaceInMemory(tb testing.TB) place {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "inith-fuzz-") //nolint:usetesting // on tmpfs
	if err != nil {
		return newPlace(tb)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return newPlaceIn(tb, dir)
}

func newPlaceIn(tb testing.TB, parent string) place {
	tb.Helper()
	p := place{parent, filepath.Join(parent, "root")}
	for _, dir := range []string{p.root, filepath.Join(parent, "outside")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "outside", "file"), []byte(bystander), 0o644); err != nil {
		tb.Fatal(err)
	}
	return p
}

// untouched reports whether nothing outside of the root has changed.
func (p place) untouched() bool {
	content, err := os.ReadFile(filepath.Join(p.parent, "outside", "file"))
	beside, _ := os.ReadDir(p.parent)
	outside, _ := os.ReadDir(filepath.Join(p.parent, "outside"))
	return err == nil && string(content) == bystander && len(beside) == 2 && len(outside) == 1
}

// extract does it, and fails the test if something outside of the root changes
// or an error has more than a line.
func (p place) extract(tb testing.TB, name string, data []byte, limits archive.Limits) (archive.Summary, error) {
	tb.Helper()
	path := p.parent + ".archive"
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	summary, err := extractFile(tb.Context(), path, name, p.root, limits)
	if !p.untouched() {
		tb.Errorf("something outside of the root has changed; err = %v", err)
	}
	if err != nil && (strings.ContainsAny(err.Error(), "\n\x1b\x00") || strings.Contains(err.Error(), p.root)) {
		tb.Errorf("not fit to be shown: %q", err)
	}
	return summary, err
}

// extractFile is [archive.Extract] with the names of files.
func extractFile(ctx context.Context, path, name, dir string, limits archive.Limits) (summary archive.Summary, err error) {
	f, err := os.Open(path)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return archive.Extract(ctx, f, name, root, limits)
}

// naive extracts as many programs have: it joins and creates.
func (p place) naive(tb testing.TB, data []byte) {
	tb.Helper()
	if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				tb.Fatal(err)
			}
			body, _ := io.ReadAll(r)
			kind := map[fs.FileMode]byte{0: tar.TypeReg, fs.ModeDir: tar.TypeDir, fs.ModeSymlink: tar.TypeSymlink}[f.Mode().Type()]
			p.create(tar.Header{Name: f.Name, Typeflag: kind, Linkname: string(body)}, bytes.NewReader(body))
		}
		return
	}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			return
		}
		p.create(*h, r)
	}
}

func (p place) create(h tar.Header, body io.Reader) {
	name := h.Name
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.root, name)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		_ = os.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		_ = os.Symlink(h.Linkname, name)
	case tar.TypeLink:
		_ = os.Link(filepath.Join(p.root, h.Linkname), name)
	case tar.TypeReg:
		_ = os.MkdirAll(filepath.Dir(name), 0o755)
		content, _ := io.ReadAll(body)
		_ = os.WriteFile(name, content, h.FileInfo().Mode().Perm())
		_ = os.Chmod(name, h.FileInfo().Mode())
	}
}
