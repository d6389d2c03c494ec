package fetch_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/bucketserver"
)

// treeOf returns the files below a directory, but for the state.
func treeOf(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(name, ".inith") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// TestS3Directory fetches all objects below a key, with a slash at the end or without, and nothing beside it; a second run lists, and
// asks for no object.
func TestS3Directory(t *testing.T) {
	t.Parallel()
	for _, dest := range []string{"new", "slash/", "existing"} {
		for _, url := range []string{"s3://models/model", "s3://models/model/"} {
			s, config := startBucket(t)
			s.PageSize = 2
			large := content(6 << 20)
			for key, b := range map[string][]byte{
				"model/a": []byte("a"), "model/b/c d+e%": []byte("c"), "model/empty": {}, "model/": {}, "model/b/": {}, "model-v2/x": []byte("x"),
				"modelx": []byte("x"), "model/large": large,
			} {
				s.PutBytes(key, b)
			}
			dir := filepath.Join(t.TempDir(), dest)
			if dest == "existing" {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasSuffix(dest, "/") {
				dir += "/"
			}
			file := fetch.File{URL: parse(t, url), Dest: dir}
			result, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, file)
			want := []string{"a", "b/c d+e%", "empty", "large"}
			if got := treeOf(t, dir); err != nil || !slices.Equal(got, want) || result.Size != int64(len(large))+2 {
				t.Errorf("%s to %s: %q, %+v, %v", url, dest, got, result, err)
				continue
			}
			if b, err := os.ReadFile(filepath.Join(dir, "large")); err != nil || !bytes.Equal(b, large) {
				t.Errorf("the large file: %v", err)
			}
			gets := func() int {
				return len(slices.DeleteFunc(s.Requests("GET /models/model/"), func(r string) bool { return strings.Contains(r, "list-type") }))
			}
			before := gets()
			again, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, file)
			if err != nil || !again.Skipped || gets() != before {
				t.Errorf("%s to %s, again: %+v, %v, %q", url, dest, again, err, s.Requests("GET"))
			}
			s.PutBytes("model/a", []byte("another"))
			if _, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, file); err != nil || gets() != before+1 {
				t.Errorf("%s to %s, one file changed: %v, %d requests for objects", url, dest, err, gets()-before)
			}
			if b, _ := os.ReadFile(filepath.Join(dir, "a")); string(b) != "another" {
				t.Errorf("the file that changed is %q", b)
			}
		}
	}
}

// TestS3DirectorySelected takes the files that are asked for, also where the URL does not say that it means a directory.
func TestS3DirectorySelected(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	for _, key := range []string{"model/a.bin", "model/a.txt", "model/b/c.bin"} {
		s.PutBytes(key, []byte("x"))
	}
	for _, url := range []string{"s3://models/model", "s3://models/model/"} {
		dir := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, url), Dest: dir, Include: []string{"*.bin"}, Exclude: []string{"b/*"}})
		if got := treeOf(t, dir); err != nil || !slices.Equal(got, []string{"a.bin"}) {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
	if _, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, "s3://models/none/"), Dest: filepath.Join(t.TempDir(), "x")}); err == nil ||
		!strings.Contains(err.Error(), "there are no files in it") {
		t.Errorf("no objects: %v", err)
	}
}

// TestS3DirectoryNames writes nothing where a key has a name that no file can have.
func TestS3DirectoryNames(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"model/../x", "model//x", "model/a/../../x", "model/./x", "model/.inith/x", "model/x\x00y", "model/a/", "model/"} {
		s, config := startBucket(t)
		s.PutBytes("model/good", []byte("x"))
		s.PutBytes(key, []byte("s3cr3t"))
		dir := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, "s3://models/model/"), Dest: dir})
		if _, statErr := os.Stat(dir); err == nil || statErr == nil || !strings.Contains(err.Error(), "cannot be used") {
			t.Errorf("%q: %v, %v", key, err, statErr)
		}
	}
}

// TestS3DirectoryEvidence reports the least that speaks for any of the files, in a second run too.
func TestS3DirectoryEvidence(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	b := []byte("123456789")
	for _, key := range []string{"model/a", "model/b"} {
		h := http.Header{"X-Amz-Checksum-Crc64nvme": {"rosUhgp5mIg="}}
		s.Put(key, bucketserver.Object{Content: bytes.NewReader(b), Size: 9, ETag: `"x"`, Header: h})
	}
	file := fetch.File{URL: parse(t, "s3://models/model/"), Dest: filepath.Join(t.TempDir(), "model"), Evidence: fetch.EvidenceServer}
	for range 2 {
		if result, err := run(t, &fetch.Fetcher{S3: config}, file); err != nil || result.Evidence != fetch.EvidenceServer {
			t.Errorf("%+v, %v", result, err)
		}
	}
	s.PutBytes("model/c", b) // without a checksum
	if _, err := run(t, &fetch.Fetcher{S3: config}, file); err == nil || !strings.Contains(err.Error(), "evidence wanted: server, there is: size") {
		t.Errorf("%v", err)
	}
	file.Evidence = fetch.EvidenceSize
	if result, err := run(t, &fetch.Fetcher{S3: config}, file); err != nil || result.Evidence != fetch.EvidenceSize {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestS3Many fetches 3,000 small objects while the server throttles, and its credentials expire.
func TestS3Many(t *testing.T) {
	t.Parallel()
	const count = 3000
	files := map[string][]byte{}
	for i := range count {
		files[fmt.Sprintf("model/%d/%d", i%30, i)] = fmt.Appendf(nil, "content %d", i)
	}
	site := startS3Site(t, files)
	var n, refused atomic.Int64
	site.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		switch i := n.Add(1); {
		case i == 500:
			site.expire()
			return false
		case i%100 != 7:
			return false
		}
		refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<Error><Code>SlowDown</Code></Error>"))
		return true
	})
	dir := filepath.Join(t.TempDir(), "model")
	f := &fetch.Fetcher{S3: site.fetcher.S3, RetryMaxWait: 1}
	if _, err := run(t, f, fetch.File{URL: parse(t, "s3://models/model/"), Dest: dir}); err != nil || refused.Load() == 0 || site.renewed() != 2 {
		t.Fatalf("%v, %d refused, %d credentials", err, refused.Load(), site.renewed())
	}
	if got := treeOf(t, dir); len(got) != count {
		t.Errorf("%d files", len(got))
	}
	for key, want := range files {
		if b, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(key, "model/"))); err != nil || !bytes.Equal(b, want) {
			t.Fatalf("%s: %q, %v", key, b, err)
		}
	}
}
