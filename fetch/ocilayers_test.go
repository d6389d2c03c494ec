package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/registryserver"
)

// An entry is one of a layer. A text that begins with -> is a symbolic link, one with => a hard link, and one with a slash at the end of
// its name a directory.
type entry struct{ name, text string }

// layerOf returns a layer with entries.
func layerOf(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.text)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		target, symbolic := strings.CutPrefix(e.text, "->")
		hardTarget, hard := strings.CutPrefix(e.text, "=>")
		switch {
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case symbolic:
			h.Typeflag, h.Linkname, h.Size, e.text = tar.TypeSymlink, target, 0, ""
		case hard:
			h.Typeflag, h.Linkname, h.Size, e.text = tar.TypeLink, hardTarget, 0, ""
		case e.text == "(device)":
			h.Typeflag, h.Size, e.text = tar.TypeChar, 0, ""
		case strings.HasPrefix(e.text, "#!"):
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(tb testing.TB, b []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// putImage gives a tag an image with layers.
func putImage(s *registryserver.Server, tag string, layers ...[]byte) registryserver.Descriptor {
	var all []registryserver.Descriptor
	for _, b := range layers {
		all = append(all, s.Blob("application/vnd.oci.image.layer.v1.tar+gzip", b, nil))
	}
	return s.Manifest(tag, "application/vnd.oci.image.config.v1+json", all...)
}

// TestOCIImage fetches what an image has below /models, from layers of each compression, as a container would see it.
func TestOCIImage(t *testing.T) {
	t.Parallel()
	large := string(content(3 << 20))
	s := startRegistry(t)
	digest := putImage(s, "v1",
		gzipped(t, layerOf(t, entry{"bin/", ""}, entry{"bin/sh", "#!x"}, entry{"dev/null", "(device)"}, entry{"models", "-> elsewhere"}, entry{".wh.x", ""})),
		layerOf(t, entry{"models/", ""}, entry{"models/old", "1"}, entry{"models/gone/a", "1"}, entry{"models/opaque/a", "1"}, entry{"models/dir/a", "1"},
			entry{"models/file", "1"}, entry{"models/base", "=>models/old"}),
		zstandard(t, layerOf(t, entry{"models/.wh.gone", ""}, entry{"models/opaque/.wh..wh..opq", ""}, entry{"models/opaque/b", "2"}, entry{"models/dir", "2"},
			entry{"models/file/b", "2"}, entry{"models/large.bin", large}, entry{"models/run", "#!2"})),
		gzipped(t, layerOf(t)), gzipped(t, layerOf(t)), // images have the empty one several times
		gzipped(t, layerOf(t, entry{"./models/old", "3"}, entry{"models/link", "->./blobs/x"}, entry{"models/blobs/x", "x"}, entry{"models/deep/link", "->../link"},
			entry{"models/absolute", "->/models/blobs/x"}, entry{"models/hard", "=>models/blobs/x"})),
	).Digest
	want := map[string][]byte{}
	for name, text := range map[string]string{
		"old": "3", "opaque/b": "2", "dir": "2", "file/b": "2", "large.bin": large, "run": "#!2",
		"link": "x", "blobs/x": "x", "deep/link": "x", "absolute": "x", "hard": "x",
	} {
		want[name] = []byte(text)
	}
	dir := t.TempDir()
	file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(dir, "model"), Exclude: []string{"base"}, Evidence: fetch.EvidenceContent}
	result, err := run(t, &fetch.Fetcher{}, file)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, file.Dest, want)
	if result.Files != len(want) || result.Evidence != fetch.EvidenceContent || result.Commit != digest {
		t.Errorf("%+v", result)
	}
	if info, err := os.Stat(filepath.Join(file.Dest, "run")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".inith", "*", "*"))
	if len(left) != 1 || !strings.HasSuffix(left[0], "/model.record") {
		t.Errorf("the state has %q", left)
	}
	before := len(s.Requests("/manifests/"))
	if again, err := run(t, &fetch.Fetcher{}, file); err != nil || !again.Skipped || again.Size != result.Size || len(s.Requests("/manifests/")) != before+1 {
		t.Errorf("again: %+v, %v, %q", again, err, s.Requests("/manifests/")[before:])
	}

	// A part of it, as a second image, into a directory that has some of it.
	file.Exclude = nil
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil || !strings.Contains(err.Error(), `"base" is a link to "models/old", which is not a file that is fetched`) || !strings.Contains(hintOf(err), "--exclude 'base'") {
		t.Errorf("a hard link to what was replaced: %v", err)
	}
	wantFiles(t, file.Dest, want)
	file.URL, file.Include, file.WriteSums, file.Delete = parse(t, "oci://"+s.Host+"/org/model@"+digest+"/"), []string{"*link", "blobs/", "large.bin"}, true, true
	result, err = run(t, &fetch.Fetcher{}, file)
	if err != nil || result.Files != 4 {
		t.Fatalf("%+v, %v", result, err)
	}
	if got := filesIn(t, file.Dest); len(got) != 5 || string(got["deep/link"]) != "x" || !bytes.Contains(got["SHA256SUMS"], []byte("  large.bin\n")) {
		t.Errorf("%d files", len(got))
	}
	s.Close()
	if again, err := run(t, &fetch.Fetcher{}, file); err != nil || !again.Skipped {
		t.Errorf("again, without a registry: %+v, %v", again, err)
	}
}

// TestOCIModelPack fetches a model of ModelPack's: files as they are, archives unpacked, each where its annotation says.
func TestOCIModelPack(t *testing.T) {
	t.Parallel()
	at := func(name string) map[string]string { return map[string]string{"org.cncf.model.filepath": name} }
	s := startRegistry(t)
	weights := content(2<<20 + 1)
	s.Manifest("v1", "application/vnd.cncf.model.config.v1+json",
		s.Blob("application/vnd.cncf.model.weight.v1.raw", weights, at("model.safetensors")),
		s.Blob("application/vnd.cncf.model.weight.config.v1.raw", []byte("{}"), at("conf/config.json")),
		s.Blob("application/vnd.cncf.model.doc.v1.tar", layerOf(t, entry{"README.md", "r"}), at("README.md")),
		s.Blob("application/vnd.cncf.model.code.v1.tar+gzip", gzipped(t, layerOf(t, entry{"code/", ""}, entry{"code/a.py", "a"}, entry{"code/.wh.b", "b"})), at("code")),
		s.Blob("application/vnd.cncf.model.dataset.v1.tar+zstd", zstandard(t, layerOf(t, entry{"data/x", "x"})), nil),
		s.Blob("application/vnd.oci.image.layer.v1.tar+gzip", gzipped(t, layerOf(t, entry{"dir/y", "y"})),
			map[string]string{"org.opencontainers.image.title": "dir", "io.deis.oras.content.unpack": "true"}),
		s.Blob("application/vnd.oci.image.layer.v1.tar+gzip", []byte("kept"), map[string]string{"org.opencontainers.image.title": "archive.tar.gz"}),
	)
	all := map[string][]byte{
		"model.safetensors": weights, "conf/config.json": []byte("{}"), "README.md": []byte("r"), "code/a.py": []byte("a"), "code/.wh.b": []byte("b"),
		"data/x": []byte("x"), "dir/y": []byte("y"), "archive.tar.gz": []byte("kept"),
	}
	for path, want := range map[string]map[string][]byte{
		"": all, "/conf/": below(all, "conf/"), "/code/": below(all, "code/"),
	} {
		dest := filepath.Join(t.TempDir(), "model")
		if _, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"+path), Dest: dest}); err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		wantFiles(t, dest, want)
	}
	one := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1/model.safetensors"), Dest: filepath.Join(t.TempDir(), "x")}
	if result, err := run(t, &fetch.Fetcher{}, one); err != nil || result.Digest != digestOf(weights) {
		t.Errorf("one file: %+v, %v", result, err)
	}
	one.URL = parse(t, "oci://"+s.Host+"/org/model:v1/code/a.py")
	if _, err := run(t, &fetch.Fetcher{}, one); err == nil || !strings.Contains(err.Error(), `has its files in archives: "code/a.py" cannot be fetched alone`) {
		t.Errorf("one file of an archive: %v", err)
	}
}

// TestOCIHostileLayers writes nothing outside of the destination, and nothing to it, whatever the layers have.
func TestOCIHostileLayers(t *testing.T) {
	t.Parallel()
	for want, layers := range map[string][][]byte{
		`its name has a ".."`:                            {layerOf(t, entry{"models/a", "1"}, entry{"models/../../x", "1"})},
		`"out" is a link to "etc/passwd"`:                {layerOf(t, entry{"models/a", "1"}, entry{"models/out", "->../../../etc/passwd"})},
		`"loop" is a link to "models/pool"`:              {layerOf(t, entry{"models/a", "1"}, entry{"models/loop", "->pool"}, entry{"models/pool", "->loop"})},
		`"d" is a link to "models/dir"`:                  {layerOf(t, entry{"models/dir/a", "1"}, entry{"models/d", "->dir"})},
		"a link or a file is where it needs a directory": {layerOf(t, entry{"models/d", "->/tmp"}, entry{"models/d/x", "1"})},
		"its path is a duplicate":                        {layerOf(t, entry{"models/a", "1"}, entry{"models/a", "2"})},
		"it is a device or a pipe":                       {layerOf(t, entry{"models/a", "(device)"})},
		`".inith/x" is where inith keeps its state`:      {layerOf(t, entry{"models/.inith/x", "1"})},
		"there are no files in /models of the layers":    {layerOf(t, entry{"other/a", "1"}), layerOf(t, entry{"models/", ""})},
		"there are no files in /models of the layers  ":  {layerOf(t, entry{"models/a", "1"}), layerOf(t, entry{".wh.models", ""})},
		"not a valid archive: it is of no known kind":    {[]byte(strings.Repeat("s3cr3t", 1000))},
		"not a valid archive: it was cut short":          {layerOf(t, entry{"models/a", strings.Repeat("x", 5000)})[:3000]},
		"the archive is over a limit":                    {gzipped(t, layerOf(t, entry{"models/a", strings.Repeat("x", 65<<20)}))},
	} {
		s := startRegistry(t)
		putImage(s, "v1", layers...)
		dir := t.TempDir()
		file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(dir, "model")}
		_, err := run(t, &fetch.Fetcher{}, file)
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("want %q: %v", want, err)
		}
		if _, err := os.Lstat(file.Dest); err == nil {
			t.Errorf("%s: the destination exists", want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".inith", "*", "*")); len(left) > 0 {
			t.Errorf("%s: the state has %q", want, left)
		}
		hasNoSecret(t, dir, fmt.Sprint(err))
	}
}

// TestOCIImageResumed stops in the middle of a layer, and after it: what was fetched is not requested again, and a layer that a
// tag no longer has is not used.
func TestOCIImageResumed(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	first := layerOf(t, entry{"models/a", string(content(9 << 20))})
	putImage(s, "v1", layerOf(t, entry{"models/b", "b"}), first)
	file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(t.TempDir(), "model")}
	stop := func(when func(fetch.Status) bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := &fetch.Fetcher{RateLimit: 8 << 20, Connections: 1}
		tr, err := f.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for !when(tr.Status()) && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v, want it canceled", err)
		}
	}
	stop(func(s fetch.Status) bool { return s.Done > 4<<20 })
	result, err := run(t, &fetch.Fetcher{}, file)
	if size := int64(len(first)); err != nil || result.Resumed < 1<<20 || result.Fetched > size-result.Resumed+2<<20 {
		t.Errorf("%+v, %v", result, err)
	}
	wantFiles(t, file.Dest, map[string][]byte{"a": content(9 << 20), "b": []byte("b")})

	file.Dest += "2"
	stop(func(s fetch.Status) bool { return s.Done > 4<<20 })
	putImage(s, "v1", layerOf(t, entry{"models/c", "c"}), layerOf(t, entry{"models/a", "new"}))
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Error(err)
	}
	wantFiles(t, file.Dest, map[string][]byte{"a": []byte("new"), "c": []byte("c")})
}

// TestOCIImageReplaced fetches another image of the same tag: what is the same stays the same file.
func TestOCIImageReplaced(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	putImage(s, "v1", layerOf(t, entry{"models/same", "s"}, entry{"models/same2", "=>models/same"}, entry{"models/a", "1"}, entry{"models/gone", "g"}))
	file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(t.TempDir(), "model"), Delete: true}
	for i, inPlace := range []bool{false, false, true, true} {
		file.InPlace = inPlace
		if i%2 == 1 {
			putImage(s, "v1", layerOf(t, entry{"models/same", "s"}, entry{"models/b", "=>models/same"}, entry{"models/a", fmt.Sprint(i)}))
		}
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
	}
	wantFiles(t, file.Dest, map[string][]byte{"same": []byte("s"), "b": []byte("s"), "a": []byte("3")})
}
