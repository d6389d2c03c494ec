package fetch_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestExtractMountPoint unpacks an archive into the root of a volume, which no directory can replace: the first one, again, another
// version, and after a run that was killed while it moved the entries there.
func TestExtractMountPoint(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir := mounted(t, "tmpfs", "size=64m")
	files := map[string]string{"config.json": "{}", "weights/a.bin": "a"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := tarOf(files)
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(crc32.ChecksumIEEE(b))))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	defer server.Close()
	file := fetch.File{URL: parse(t, server.URL+"/model.tar"), Dest: dir, Extract: true}
	fetchIt := func(what string, skipped bool) {
		t.Helper()
		result, err := run(t, &fetch.Fetcher{}, file)
		if err != nil || result.Skipped != skipped {
			t.Errorf("%s: skipped %v, %v", what, result.Skipped, err)
		}
		wantTree(t, dir, files)
	}
	fetchIt("the first", false)
	fetchIt("the same", true)
	files = map[string]string{"weights/b.bin": "b", "tokenizer.json": "[]"}
	fetchIt("another version", false)
	fetchIt("the same", true)

	if err := os.Remove(filepath.Join(dir, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	files["new"] = "n"
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil || !strings.Contains(err.Error(), "not made by inith or has changed since") {
		t.Errorf("a directory that changed was replaced: %v", err)
	}
	own := stateOf(filepath.Join(dir, "x"))
	if err := os.WriteFile(filepath.Join(own, ".moved"), []byte(`["weights","tokenizer.json"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	fetchIt("after a kill", false)
	if left, _ := filepath.Glob(filepath.Join(own, ".*")); len(left) != 1 {
		t.Errorf("the state has %q, want the receipt", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	files["newer"] = "n"
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil {
		t.Error("a file of another was removed")
	}
}

func tarOf(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		_, _ = w.Write([]byte(files[name]))
	}
	_ = w.Close()
	return b.Bytes()
}

// wantTree compares what is in a directory, but for the state.
func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.Name() == ".inith":
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = string(b)
		return err
	})
	if !maps.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}
}
