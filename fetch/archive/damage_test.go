package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/fetch/archive"
)

// TestCutShort cuts archives everywhere. [tar.Reader] alone takes some of these
// for whole.
func TestCutShort(t *testing.T) {
	members := []member{file("a", "1234"), file("b/c", strings.Repeat("x", 700)), directory("d")}
	whole := makeTar(t, members...)
	zipped := makeZip(t, members[:2]...)
	for name, data := range map[string][]byte{"tar": whole, "tar.gz": gz(whole), "tar.zst": zst(whole), "zip": zipped} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			if _, err := p.extract(t, "x."+name, data, archive.Limits{}); err != nil {
				t.Fatal(err)
			}
			step := 1 + len(data)/150
			end := len(data)
			if name == "tar" {
				end -= 512 // nothing is missing then
			}
			for n := 0; n < end; n += step {
				_, err := newPlace(t).extract(t, "x."+name, data[:n], archive.Limits{})
				if !errors.Is(err, archive.ErrFormat) {
					t.Errorf("the first %d of %d bytes: err = %v", n, len(data), err)
				}
			}
		})
	}
	t.Run("naive", func(t *testing.T) {
		r := tar.NewReader(bytes.NewReader(whole[:1024])) // one of three
		for n := 0; ; n++ {
			if _, err := r.Next(); errors.Is(err, io.EOF) && n == 1 {
				return
			} else if err != nil {
				t.Fatalf("after %d: %v", n, err)
			}
		}
	})
}

func TestTrailingGarbage(t *testing.T) {
	whole := makeTar(t, file("a", "1234"))
	other := makeTar(t, file("b", "5678"))
	for name, data := range map[string][]byte{
		"x.tar":             append(bytes.Clone(whole), 'x'),
		"late.tar":          append(append(bytes.Clone(whole), make([]byte, 20000)...), 'x'),
		"another.tar":       append(bytes.Clone(whole), other...),
		"x.tar.gz":          append(gz(whole), 'x'),
		"zeros.tar.gz":      slices.Concat(gz(whole), make([]byte, 512), []byte{'x'}),
		"zero.tar.gz":       slices.Concat(gz(whole), []byte{0}, gz(make([]byte, 512))),
		"inside.tar.gz":     gz(append(bytes.Clone(whole), 'x')),
		"another.tar.gz":    append(gz(whole), gz(other)...),
		"x.tar.zst":         append(zst(whole), "garbage"...),
		"inside.tar.zst":    zst(append(bytes.Clone(whole), 'x')),
		"x.zip":             append(makeZip(t, file("a", "1234")), 'x'),
		"zero.zip":          append(makeZip(t, file("a", "1234")), 0),
		"no archive.tar.gz": gz([]byte("hello")),
		"empty.tar.gz":      gz(nil),
		"empty.tar.zst":     zst(nil),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newPlace(t).extract(t, name, data, archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

// TestFlippedBits is for what is not only an archive, but has checksums.
func TestFlippedBits(t *testing.T) {
	body := strings.Repeat("all work and no play ", 20)
	zipped := makeZip(t, file("a", body))
	entry := bytes.Index(zipped, []byte("PK\x01\x02"))
	end := bytes.Index(zipped, []byte("PK\x05\x06"))
	change := func(at int, by int32) []byte {
		data := bytes.Clone(zipped)
		binary.LittleEndian.PutUint32(data[at:], binary.LittleEndian.Uint32(data[at:])+uint32(by))
		return data
	}
	for name, data := range map[string][]byte{
		"smaller than declared":   change(entry+24, 1),
		"larger than declared":    change(entry+24, -1),
		"much larger":             change(entry+24, int32(1-len(body))),
		"compressed size":         change(entry+20, -1),
		"checksum":                change(entry+16, 1),
		"offset":                  change(entry+42, 1),
		"offset out of the file":  change(entry+42, 1<<30),
		"count":                   change(end+10, 1),
		"size of the directory":   change(end+12, 1),
		"offset of the directory": change(end+16, 1),
		"content":                 change(50, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newPlace(t).extract(t, "x.zip", data, archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
				t.Errorf("err = %v", err)
			}
		})
	}
	for name, data := range map[string][]byte{"tar.gz": gz(makeTar(t, file("a", body))), "tar.zst": zst(makeTar(t, file("a", body)))} {
		data[len(data)-2] ^= 1
		if _, err := newPlace(t).extract(t, name, data, archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

// TestLargeDirectory has one that is read in parts, in each form that there is.
func TestLargeDirectory(t *testing.T) {
	makeLarge := func(n, comment int) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i := range n {
			h := zip.FileHeader{Name: "./", Comment: strings.Repeat("c", comment)}
			if i%(n/10) == 0 {
				h.Name = fmt.Sprint("file", i)
			}
			if _, err := w.CreateHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	many := makeLarge(70_000, 0)
	// As old programs write it: without the records of large archives, the
	// count modulo 65536.
	at := bytes.LastIndex(many, []byte("PK\x06\x06"))
	end := bytes.Clone(many[len(many)-22:])
	binary.LittleEndian.PutUint16(end[10:], uint16(70_000&0xffff))
	binary.LittleEndian.PutUint32(end[12:], uint32(binary.LittleEndian.Uint64(many[at+40:])))
	binary.LittleEndian.PutUint32(end[16:], uint32(binary.LittleEndian.Uint64(many[at+48:])))
	old := slices.Concat(many[:at], end)
	for name, data := range map[string][]byte{"long": makeLarge(40, 60_000), "many": many, "old": old} {
		t.Run(name, func(t *testing.T) {
			summary, err := newPlace(t).extract(t, "x", data, archive.Limits{})
			if err != nil || summary.Entries != 10 {
				t.Errorf("got %+v, %v, want 10 entries", summary, err)
			}
		})
	}
}
