package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestNoArchive sends the first bytes of what is no archive, and never the rest: the kind
// is looked at before.
func TestNoArchive(t *testing.T) {
	t.Parallel()
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	_, _ = z.Write(content(1 << 20))
	_ = z.Close()
	for head, want := range map[string]string{
		"\xfd7zXZ\x00\x00\x04":          "it is compressed with xz",
		"BZh91AY&SY\x00\x00":            "it is compressed with bzip2",
		"7z\xbc\xaf\x27\x1c":            "it is a 7z archive",
		"<!DOCTYPE html><title>s3cr3t":  "what was sent is an HTML page",
		"version https://git-lfs.githu": "what was sent is a Git LFS pointer",
		string(content(500)):            "it is of no known kind",
		compressed.String():             "it is a single file compressed with gzip",
	} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Length", strconv.Itoa(1<<26))
			_, _ = w.Write(append([]byte(head), make([]byte, 1024)...)[:1024])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		defer server.Close()
		dest := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, server.URL+"/model.tar.gz"), Dest: dest, Extract: true})
		if err == nil || !strings.Contains(err.Error(), "cannot extract: not a valid archive: "+want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want %q", head[:5], err, want)
		}
		if requests.Load() != 1 {
			t.Errorf("%q: %d requests", head[:5], requests.Load())
		}
		if left, _ := filepath.Glob(stateOf(dest) + "/*"); len(left) > 0 {
			t.Errorf("%q: left %q", head[:5], left)
		}
	}
}

// TestArchiveOfMirror takes the archive from a mirror where the first source sends a page.
func TestArchiveOfMirror(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "README", Mode: 0o644, Size: 5})
	_, _ = w.Write([]byte("hello"))
	_ = w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page.tar" {
			_, _ = w.Write([]byte("<html>" + strings.Repeat("log in", 1000)))
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
	}))
	defer server.Close()
	dest := filepath.Join(t.TempDir(), "model")
	file := fetch.File{URL: parse(t, server.URL+"/page.tar"), Dest: dest, Extract: true}
	file.Mirrors = append(file.Mirrors, parse(t, server.URL+"/model.tar"))
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dest, "README")); string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
