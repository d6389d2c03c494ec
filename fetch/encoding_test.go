package fetch_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestStoredCompressed has a file that is compressed, and a server that says so with
// Content-Encoding: with a digest, that decides. Without one, nobody knows.
func TestStoredCompressed(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(content(6 << 20))
	_ = z.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
	}))
	defer server.Close()
	for _, dest := range []string{filepath.Join(t.TempDir(), "model.gz"), "-"} {
		var out bytes.Buffer
		file := fetch.File{URL: parse(t, server.URL+"/model.gz"), Dest: dest}
		if _, err := run(t, &fetch.Fetcher{Stdout: &out}, file); err == nil || !strings.Contains(err.Error(), "compressed (Content-Encoding)") {
			t.Errorf("to %s without a digest: %v", dest, err)
		}
		file.Digest = digestOf(b.Bytes())
		if _, err := run(t, &fetch.Fetcher{Stdout: &out}, file); err != nil {
			t.Errorf("to %s: %v", dest, err)
		}
		got := out.Bytes()
		if dest != "-" {
			got, _ = os.ReadFile(dest)
		}
		if !bytes.Equal(got, b.Bytes()) {
			t.Errorf("to %s: WRONG BYTES", dest)
		}
	}
	file := fetch.File{URL: parse(t, server.URL+"/model.gz"), Dest: filepath.Join(t.TempDir(), "model"), Digest: digestOf(content(6 << 20))}
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil || !strings.Contains(err.Error(), "what was sent is compressed (Content-Encoding: gzip)") {
		t.Errorf("the digest of what is inside: %v", err)
	}
}

// TestDecompressedByStore is what Google's store does with an object that it keeps
// compressed: no length, no ranges, and the digests of what it keeps.
func TestDecompressedByStore(t *testing.T) {
	t.Parallel()
	b := content(3 << 20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Goog-Stored-Content-Encoding", "gzip")
		w.Header().Set("X-Goog-Stored-Content-Length", "12345")
		w.Header().Set("X-Goog-Hash", "crc32c=n03x6A==")
		w.Header().Add("X-Goog-Hash", "md5=XUFAKrxLKna5cZ2REBfFkg==")
		w.Header().Set("Warning", `214 UploadServer "gunzipped"`)
		_, _ = w.Write(b)
	}))
	defer server.Close()
	for _, digest := range []fetch.Digest{{}, digestOf(b)} {
		dest := filepath.Join(t.TempDir(), "model.bin")
		result, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, server.URL+"/model.bin"), Dest: dest, Digest: digest})
		if err != nil || result.Evidence == fetch.EvidenceServer {
			t.Errorf("%v: %+v, %v", digest, result, err)
		}
		if got, _ := os.ReadFile(dest); !bytes.Equal(got, b) {
			t.Errorf("%v: WRONG BYTES", digest)
		}
	}
}

// TestRangesRefused downloads from servers that answer a range with an error, also an
// empty file.
func TestRangesRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 405, 416, 501} {
		for _, size := range []int{0, 1000, 5 << 20} {
			b := content(size)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					w.WriteHeader(status)
					return
				}
				w.Header().Set("Content-Length", strconv.Itoa(size))
				_, _ = w.Write(b)
			}))
			defer server.Close()
			dest := filepath.Join(t.TempDir(), "model.bin")
			result, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, server.URL+"/model.bin"), Dest: dest})
			if got, _ := os.ReadFile(dest); err != nil || result.Retries > 0 || !bytes.Equal(got, b) {
				t.Errorf("%d, %d bytes: %+v, %v", status, size, result, err)
			}
		}
	}
}

// TestLateHeaders needs longer for its headers than connections are waited for: the stall
// timeout is the limit.
func TestLateHeaders(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		late := time.After(300 * time.Millisecond)
		if r.URL.Path == "/never" {
			late = nil
		}
		select {
		case <-late:
			_, _ = w.Write([]byte("hello"))
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	f := &fetch.Fetcher{HeaderWait: 20 * time.Millisecond, StallTimeout: time.Minute}
	if result, err := run(t, f, fetch.File{URL: parse(t, server.URL+"/x"), Dest: filepath.Join(t.TempDir(), "x")}); err != nil || result.Retries > 0 {
		t.Errorf("%+v, %v", result, err)
	}
	f = &fetch.Fetcher{HeaderWait: 20 * time.Millisecond, StallTimeout: 400 * time.Millisecond}
	if _, err := run(t, f, fetch.File{URL: parse(t, server.URL+"/never"), Dest: filepath.Join(t.TempDir(), "x")}); err == nil || !strings.Contains(err.Error(), "no byte came for 400ms") {
		t.Errorf("%v", err)
	}
}
