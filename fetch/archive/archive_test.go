package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/fetch/archive"
)

// list returns what is in a directory: "path mode", and for files what is in them,
// for links where they lead.
func list(tb testing.TB, dir string) []string {
	tb.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		line := name + " " + info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			content, _ := os.ReadFile(path)
			line += " " + string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			line = name + " -> " + target
		}
		found = append(found, line)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

var long = strings.Repeat("long/", 40)

func good() []member {
	return []member{
		{kind: tar.TypeXGlobalHeader},
		directory("./"),
		directory("model"),
		file("model/weights", "1234"),
		{name: "model/run.sh", kind: tar.TypeReg, body: "#!", mode: 0o777 | fs.ModeSetuid},
		{name: "model/secret", kind: tar.TypeReg, body: "s", mode: 0},
		file("./model/./empty", ""),
		file(long+"Ω", "deep"),
		directory("model"),
		symlink("model/latest", "./weights"),
		symlink(long+"up", "../../"+"long//x"),
		symlink("dangling", "nothing"),
		link("hard", "model/weights"),
		directory("releases/1"),
		directory("releases/2"),
		symlink("current", "releases/1/../2"),
		symlink("releases/previous", "../releases/./2/..//1"),
		symlink("nowhere", "missing/../model/weights/../x"),
		link("releases/hard", "releases/previous"),
		{name: "backup", kind: 'V'},
		{name: "model/", kind: 'D', body: "Yweights\x00\x00"},
		{name: "contiguous", kind: tar.TypeCont, body: "c", mode: 0o644},
	}
}

func goodList(tb testing.TB) []string {
	tb.Helper()
	p := newPlace(tb)
	p.naive(tb, makeTar(tb, good()...))
	want := list(tb, p.root)
	want = slices.DeleteFunc(want, func(line string) bool { return strings.HasPrefix(line, "model/") })
	want = append(want,
		"contiguous -rw-r--r-- c",
		"model/empty -rw-r--r-- ",
		"model/latest -> ./weights",
		"model/run.sh -rwxr-xr-x #!",
		"model/secret -rw-r--r-- s",
		"model/weights -rw-r--r-- 1234",
	)
	slices.Sort(want)
	return want
}

func TestExtract(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	all := makeTar(t, good()...)
	zipped := makeZip(t, slices.DeleteFunc(good(), func(m member) bool {
		return !strings.ContainsRune(string([]byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink}), rune(m.kind))
	})...)
	for _, tt := range []struct {
		name   string
		format string
		data   []byte
	}{
		{"x.tar", "tar", all},
		{"x.tar.gz", "tar.gz", gz(all)},
		{"x.tar.zst", "tar.zst", zst(all)},
		{"x.zip", "zip", zipped},
		{"its bytes count more than its name.zip", "tar.gz", gz(all)},
		{"no extension", "tar", all},
		{"followed by zeros.tar.gz", "tar.gz", append(gz(all), make([]byte, 10240)...)},
		{"of several members, and zeros.tar.gz", "tar.gz", slices.Concat(gz(all[:700]), gz(all[700:]), []byte{0})},
		{"behind a skippable frame.tar.zst", "tar.zst", append([]byte("\x50\x2a\x4d\x18\x02\x00\x00\x00hi"), zst(all)...)},
		{"of several members.tgz", "tar.gz", slices.Concat(gz(all[:700]), gz(all[700:5000]), gz(all[5000:]))},
		{"of several frames.tzst", "tar.zst", slices.Concat(zst(all[:700]), zst(all[700:]))},
		{"with more zeros.tar", "tar", append(bytes.Clone(all), make([]byte, 20000)...)},
		{"with a single block of zeros.tar", "tar", all[:len(all)-512]},
		{"behind a program.ZIP", "zip", append([]byte("#!/bin/sh\n"), zipped...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			summary, err := p.extract(t, tt.name, tt.data, archive.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := goodList(t)
			size := int64(4 + 2 + 1 + 4 + 1)
			if tt.format == "zip" {
				size -= int64(len("c"))
				want = slices.DeleteFunc(want, func(s string) bool {
					return strings.Contains(s, "hard ") || strings.HasPrefix(s, "contiguous ")
				})
			}
			got := list(t, p.root)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if w := (archive.Summary{Format: tt.format, Entries: len(want), Bytes: size}); summary != w {
				t.Errorf("got %+v, want %+v", summary, w)
			}
			info, err := os.Stat(filepath.Join(p.root, "model/weights"))
			if err != nil || !info.ModTime().Equal(packed) {
				t.Errorf("got %v, %v, want the time %v", info, err, packed)
			}
		})
	}
}

func TestUnknownKind(t *testing.T) {
	content := make([]byte, 5000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	for data, kind := range map[string]string{
		"": "of no known kind", "hello": "of no known kind", strings.Repeat("x", 600): "of no known kind",
		"BZhang": "of no known kind", "BZhang and others": "of no known kind",
		string(make([]byte, 1024)):         "of no known kind",
		"Rar!\x1a\x07":                     "a rar archive",
		string(gz(content)):                "a single file compressed with gzip",
		"7z\xbc\xaf\x27\x1c\x00\x04":       "a 7z archive",
		"BZh9\x17\x72\x45\x38\x50\x90\x00": "compressed with bzip2",
		"\x5d\x00\x00\x80\x00":             "compressed with lzma",
		"!<arch>\ndebian-binary":           "an ar archive",
	} {
		for _, name := range []string{"model", "model.tar.gz", "model.zip"} {
			_, err := newPlace(t).extract(t, name, []byte(data), archive.Limits{})
			if !errors.Is(err, archive.ErrFormat) || !strings.Contains(err.Error(), "it is "+kind) || !strings.Contains(err.Error(), "tar, tar.gz, tar.zst, zip") {
				t.Errorf("%s, %q: %v", name, data[:min(10, len(data))], err)
			}
		}
	}
}

// TestOldTar has an archive of 1979's tar, which has no magic bytes.
func TestOldTar(t *testing.T) {
	data := makeTar(t, file("a", "1"))
	copy(data[257:265], make([]byte, 8))
	sum := 0
	for i, c := range data[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	copy(data[148:], []byte{'0' + byte(sum>>12&7), '0' + byte(sum>>9&7), '0' + byte(sum>>6&7), '0' + byte(sum>>3&7), '0' + byte(sum&7), 0, ' ', ' '})
	if _, err := newPlace(t).extract(t, "x.tar", data, archive.Limits{}); err != nil {
		t.Error(err)
	}
	if _, err := newPlace(t).extract(t, "x", data, archive.Limits{}); err != nil {
		t.Error(err)
	}
	data[0]++
	if _, err := newPlace(t).extract(t, "x", data, archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
		t.Errorf("another name than the checksum is of: %v", err)
	}
	if _, err := newPlace(t).extract(t, "x.tar", makeTar(t), archive.Limits{}); err != nil {
		t.Errorf("nothing but zeros: %v", err)
	}
}

func TestContext(t *testing.T) {
	cause := errors.New("the plan's deadline passed")
	for _, tt := range []struct {
		name  string
		data  []byte
		after time.Duration
	}{
		{"a hole of 8 GiB", sparse(t, "hole", 1<<33-1), 20 * time.Millisecond},
		{"tar", makeTar(t, good()...), 0},
		{"zip", makeZip(t, file("a", "1")), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "archive")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), tt.after, cause)
			defer cancel()
			_, err := extractFile(ctx, path, "x", t.TempDir(), archive.Limits{Ratio: 1e12})
			if !errors.Is(err, cause) {
				t.Errorf("err = %v, want %v", err, cause)
			}
		})
	}
}

// TestSystemTools extracts what the programs make that people use.
func TestSystemTools(t *testing.T) {
	p := newPlace(t)
	if _, err := p.extract(t, "x", makeTar(t, good()...), archive.Limits{}); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(p.root, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sparse.Truncate(1<<20), sparse.Close()); err != nil {
		t.Fatal(err)
	}
	want := list(t, p.root)
	for name, command := range map[string]string{
		"x.tar":        "tar -cSf $0 .",
		"x-posix.tar":  "tar --format=posix -cSf $0 .",
		"x-ustar.tar":  "tar --format=ustar -cf $0 .",
		"x.tar.gz":     "tar -czf $0 .",
		"x.tar.zst":    "zstd --version && tar -cf - . | zstd -19 >$0",
		"x.zip":        "zip -qry $0 .",
		"x-stream.zip": "zip -qry - . >$0",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", command, path)
			cmd.Dir = p.root
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("%s: %v: %s", command, err, out)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			other := newPlace(t)
			if _, err := other.extract(t, name, data, archive.Limits{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, list(t, other.root)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
