package fetch_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch"
)

// unpinned has no digest: the server says a version of the file, and no digest either.
func unpinned(_ *fetch.Fetcher, file *fetch.File) { file.Digest = fetch.Digest{} }

// unpinnedCopy is unpinned, and the destination is no hard link.
func unpinnedCopy(f *fetch.Fetcher, file *fetch.File) {
	unpinned(f, file)
	file.Mode = 0o600
}

func (c *cached) versionObject(t *testing.T) string {
	t.Helper()
	return only(t, filepath.Join(c.cache, "version-*"))
}

// TestCacheVersion downloads a file once for each version of it, also if it was linked, touched or changed meanwhile.
func TestCacheVersion(t *testing.T) {
	t.Parallel()
	c := newCached(t, 5<<20+3)
	for i, change := range []func(*fetch.Fetcher, *fetch.File){unpinned, unpinned, unpinnedCopy, unpinned} {
		if result, log := c.fetch(t, change); (result.Cached > 0) != (i > 0) || result.Evidence != fetch.EvidenceSize || result.Digest != digestOf(c.content) {
			t.Errorf("run %d: %+v; log:\n%s", i, result, log)
		}
	}
	if err := os.Chmod(c.versionObject(t), 0o400); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if result, log := c.fetch(t, unpinned); result.Fetched != 0 || strings.Contains(log, "level=WARN") {
			t.Errorf("touched: %+v; log:\n%s", result, log)
		}
	}
	c.wantSent(t, 1)
	c.content = content(5<<20 + 4)
	c.become(c.content, `"v2"`)
	for i := range 2 {
		if result, log := c.fetch(t, unpinned); (result.Cached > 0) != (i > 0) {
			t.Errorf("the next version, run %d: %+v; log:\n%s", i, result, log)
		}
	}
	c.wantSent(t, 1)
}

// TestCacheVersionTogether has 20 fetchers begin at the same time.
func TestCacheVersionTogether(t *testing.T) {
	t.Parallel()
	c := newCached(t, 24<<20)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { c.fetch(t, unpinnedCopy) })
	}
	wg.Wait()
	c.wantSent(t, 1)
}

// TestCacheVersionPoisoned changes an object so that it does not show, and loses what is known of it: both are downloaded again.
func TestCacheVersionPoisoned(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	c.fetch(t, unpinnedCopy)
	name := c.versionObject(t)
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Chmod(name, 0o644), flip(name, 99), os.Chmod(name, 0o444), os.Chtimes(name, before.ModTime(), before.ModTime()))
	if err != nil {
		t.Fatal(err)
	}
	err = fetch.Cache{Dir: c.cache}.Verify(t.Context(), func(fetch.CacheObject, error) {})
	if _, ok := errors.AsType[*fetch.ObjectError](err); !ok {
		t.Errorf("verify: %v", err)
	}
	if result, log := c.fetch(t, unpinnedCopy); !strings.Contains(log, "has another digest than when it was downloaded") || result.Cached != 0 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	c.wantSent(t, 2)
	if err := os.RemoveAll(filepath.Join(c.cache, ".inith")); err != nil {
		t.Fatal(err)
	}
	if err := (fetch.Cache{Dir: c.cache}).Verify(t.Context(), func(o fetch.CacheObject, err error) { t.Errorf("verify: %+v, %v", o, err) }); err != nil {
		t.Error(err)
	}
	for i := range 2 {
		if result, log := c.fetch(t, unpinnedCopy); (result.Cached > 0) != (i > 0) || strings.Contains(log, "level=WARN") {
			t.Errorf("without a receipt, run %d: %+v; log:\n%s", i, result, log)
		}
	}
	c.wantSent(t, 1)
}

// TestCacheVersionChanges has the file become another one between the question for its version and the download: what is
// downloaded is not kept as the version that was asked for.
func TestCacheVersionChanges(t *testing.T) {
	t.Parallel()
	old, now := content(2<<20), content(2<<20+1)
	var asked atomic.Bool
	var o *origin
	o = newOrigin(t, old, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			if !asked.Swap(true) { // the first answer says the old version
				o.become(now, `"v2"`)
			}
		})
	})
	cache := t.TempDir()
	for i := range 2 {
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
		if _, err := run(t, &fetch.Fetcher{Cache: cache}, file); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(file.Dest); err != nil || !bytes.Equal(b, now) {
			t.Errorf("run %d: %d bytes, %v", i, len(b), err)
		}
		if i == 0 {
			if names, _ := filepath.Glob(filepath.Join(cache, "version-*")); len(names) > 0 {
				t.Errorf("kept: %q", names)
			}
			o.become(old, `"v1"`)
			file.Dest = filepath.Join(t.TempDir(), "old")
			if _, err := run(t, &fetch.Fetcher{Cache: cache}, file); err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(file.Dest); err != nil || !bytes.Equal(b, old) {
				t.Errorf("the old version: %d bytes, %v", len(b), err)
			}
			o.become(now, `"v2"`)
		}
	}
}

// TestCacheVersionForged puts another file under the name of an object: without a receipt of this user, it is not used.
func TestCacheVersionForged(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	c.fetch(t, unpinnedCopy)
	name := c.versionObject(t)
	forged := bytes.Repeat([]byte("x"), len(c.content))
	if err := errors.Join(os.Remove(name), os.WriteFile(name, forged, 0o444)); err != nil {
		t.Fatal(err)
	}
	if result, log := c.fetch(t, unpinnedCopy); result.Cached != 0 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const nobody = 65534
	if err := errors.Join(os.RemoveAll(filepath.Join(c.cache, ".inith")), os.Remove(name), os.WriteFile(name, forged, 0o444), os.Chown(name, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	if result, log := c.fetch(t, unpinnedCopy); result.Cached != 0 || !strings.Contains(log, "only the user who downloaded it knows which bytes it has") {
		t.Errorf("of another user: %+v; log:\n%s", result, log)
	}
}
