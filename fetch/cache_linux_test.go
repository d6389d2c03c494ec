package fetch_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
)

const nobody = 65534

// through fetches what a server has through a cache, and checks it. It returns what was logged too.
func through(t *testing.T, s *faultserver.Server, cache string, change ...func(f *fetch.Fetcher, file *fetch.File)) (fetch.Result, string) {
	t.Helper()
	var log bytes.Buffer
	f := &fetch.Fetcher{Cache: cache, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: pin(s.Want())}
	for _, change := range change {
		change(f, &file)
	}
	result, err := run(t, f, file)
	if err != nil {
		t.Fatalf("%v; log:\n%s", err, &log)
	}
	if sum, err := sumOf(file.Dest); sum != pin(s.Want()).Hex {
		t.Errorf("WRONG BYTES, %v", err)
	}
	return result, log.String()
}

func objectOf(s *faultserver.Server, cache string) string {
	return filepath.Join(cache, "sha256-"+pin(s.Want()).Hex)
}

// pruned removes all of a cache that can be removed.
func pruned(t *testing.T, cache string) (removed []fetch.CacheObject, err error) {
	t.Helper()
	err = fetch.Cache{Dir: cache}.Prune(t.Context(), 1, 0, func(o fetch.CacheObject) { removed = append(removed, o) })
	return removed, err
}

// TestCacheExtract extracts an archive from the cache.
func TestCacheExtract(t *testing.T) {
	t.Parallel()
	files := map[string]string{"config.json": "{}", "weights/a.bin": "a"}
	b := tarOf(files)
	o, cache := newOrigin(t, b, nil), t.TempDir()
	for range 2 {
		file := fetch.File{URL: parse(t, o.URL+"/model.tar"), Dest: filepath.Join(t.TempDir(), "m"), Digest: digestOf(b), Extract: true}
		if _, err := run(t, &fetch.Fetcher{Cache: cache}, file); err != nil {
			t.Fatal(err)
		}
		wantTree(t, file.Dest, files)
	}
	if n := o.calls.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestCacheOnOtherMount has the cache on another file system than the destination: neither a reflink nor a hard link is possible.
func TestCacheOnOtherMount(t *testing.T) {
	if !namespace(t) {
		return
	}
	cache, s := mounted(t, "tmpfs", "size=64m"), good(t, 10<<20, 0)
	through(t, s, cache)
	if err := os.Link(objectOf(s, cache), filepath.Join(t.TempDir(), "x")); !errors.Is(err, unix.EXDEV) {
		t.Fatalf("a hard link: %v", err)
	}
	asked := len(s.Requests())
	if result, log := through(t, s, cache); result.Cached != 10<<20 || len(s.Requests()) != asked || !strings.Contains(log, "how=copy") {
		t.Errorf("%+v, %d requests; log:\n%s", result, len(s.Requests())-asked, log)
	}
}

// TestCacheWithoutReflinks links on a file system that shares no bytes otherwise.
func TestCacheWithoutReflinks(t *testing.T) {
	if !namespace(t) {
		return
	}
	volume, s := mounted(t, "tmpfs", "size=64m"), good(t, 10<<20, 0)
	cache := filepath.Join(volume, "cache")
	for i, name := range []string{"a", "b", "c"} {
		dest := filepath.Join(volume, name)
		result, log := through(t, s, cache, func(_ *fetch.Fetcher, file *fetch.File) { file.Dest = dest })
		if !strings.Contains(log, `how="hard link"`) || (result.Fetched == 0) != (i > 0) || strings.Contains(log, "phase=checking") {
			t.Errorf("%s: %+v; log:\n%s", name, result, log)
		}
		info, err := os.Stat(dest)
		if err != nil || info.Mode() != 0o444 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// TestCacheBoundMount has the cache and the destination on one file system, mounted twice: no hard link.
func TestCacheBoundMount(t *testing.T) {
	if !namespace(t) {
		return
	}
	volume, s := mounted(t, "tmpfs", "size=64m"), good(t, 10<<20, 0)
	bound := t.TempDir()
	if err := unix.Mount(volume, bound, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(bound, unix.MNT_DETACH) })
	cache := filepath.Join(volume, "cache")
	for i := range 2 {
		result, log := through(t, s, cache, func(_ *fetch.Fetcher, file *fetch.File) { file.Dest = filepath.Join(bound, "model.bin") })
		if (result.Fetched == 0) != (i > 0) || !strings.Contains(log, "how=copy") {
			t.Errorf("%+v; log:\n%s", result, log)
		}
		if err := os.Remove(filepath.Join(bound, "model.bin")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheFull has no room for the file in the cache, before and while it comes: it is fetched without.
func TestCacheFull(t *testing.T) {
	if !namespace(t) {
		return
	}
	cache, s := mounted(t, "tmpfs", "size=4m"), good(t, 10<<20, 0)
	if err := naively(s, filepath.Join(cache, "naive")); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the naive client: %v", err)
	}
	if err := os.Remove(filepath.Join(cache, "naive")); err != nil {
		t.Fatal(err)
	}
	result, log := through(t, s, cache)
	if result.Cached > 0 || strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "the cache cannot be used: fetching without it") ||
		!strings.Contains(log, "free on the volume") {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	limited := func(f *fetch.Fetcher, _ *fetch.File) { f.CacheMax = 3 << 20 }
	small := []*faultserver.Server{good(t, 2<<20, 0), {Content: faultserver.Content{Size: 2<<20 + 1, Seed: 37}}}
	if err := small[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer small[1].Close()
	for _, s := range small { // the second one takes the place of the first
		if _, log := through(t, s, cache, limited); strings.Contains(log, "level=WARN") {
			t.Errorf("log:\n%s", log)
		}
	}
	if objects, err := (fetch.Cache{Dir: cache}).Objects(); err != nil || len(objects) != 1 {
		t.Errorf("%v, %v", objects, err)
	}
}

// TestCacheFills has the volume of the cache fill up while a file comes.
func TestCacheFills(t *testing.T) {
	if !namespace(t) {
		return
	}
	cache, s := mounted(t, "tmpfs", "size=32m"), good(t, 20<<20, 8<<20)
	var log bytes.Buffer
	f := &fetch.Fetcher{Cache: cache, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	tr, err := f.Open(fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: pin(s.Want())})
	if err != nil {
		t.Fatal(err)
	}
	filled := make(chan error)
	go func() {
		for tr.Status().Done < 2<<20 {
			time.Sleep(time.Millisecond)
		}
		filled <- os.WriteFile(filepath.Join(cache, "other"), make([]byte, 32<<20), 0o600)
	}()
	_, err = tr.Run(t.Context())
	if fillErr := <-filled; !strings.Contains(log.String(), "no space left on the volume") { // all of it fits when the part is gone
		t.Errorf("it was not full: %v; log:\n%s", fillErr, &log)
	}
	if sum, _ := sumOf(tr.Path()); err != nil || sum != pin(s.Want()).Hex {
		t.Errorf("%v; log:\n%s", err, &log)
	}
	if objects, err := (fetch.Cache{Dir: cache}).Objects(); err != nil || len(objects) > 0 {
		t.Errorf("left %+v, %v", objects, err)
	}
}

// TestCacheReadOnly takes what is in a cache that nobody can write to, and fetches the rest without it.
func TestCacheReadOnly(t *testing.T) {
	if !namespace(t) {
		return
	}
	cache, s, other := mounted(t, "tmpfs", "size=64m"), good(t, 10<<20, 0), good(t, 3<<20, 0)
	through(t, s, cache)
	readOnly := func(flags uintptr) {
		if err := unix.Mount("", cache, "", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	asked := len(s.Requests())
	for _, state := range []bool{true, false} {
		readOnly(unix.MS_RDONLY)
		if result, log := through(t, s, cache); result.Cached != 10<<20 || strings.Contains(log, "level=WARN") {
			t.Errorf("with state %t: %+v; log:\n%s", state, result, log)
		}
		readOnly(0)
		if err := os.RemoveAll(filepath.Join(cache, ".inith")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Requests()) - asked; n > 0 {
		t.Errorf("%d requests", n)
	}
	readOnly(unix.MS_RDONLY)
	if result, log := through(t, other, cache); result.Cached > 0 || !strings.Contains(log, "the file system is read-only") {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	readOnly(0)
	if err := errors.Join(os.Chmod(objectOf(s, cache), 0o644), flip(objectOf(s, cache), 5)); err != nil {
		t.Fatal(err)
	}
	readOnly(unix.MS_RDONLY)
	result, log := through(t, s, cache)
	if result.Fetched != 10<<20 || !strings.Contains(log, "cannot be read or has another digest") {
		t.Errorf("%+v; log:\n%s", result, log)
	}
}

// TestCacheOfAnotherUser shares a cache with another user, whose objects are hashed, and are not used if they are wrong.
func TestCacheOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("root gives files to other users")
	}
	for name, tt := range map[string]struct {
		change func(object string) error
		warned bool
	}{
		"right":        {func(string) error { return nil }, false},
		"wrong":        {func(object string) error { return flip(object, 5) }, true},
		"cut":          {func(object string) error { return os.Truncate(object, 1<<20) }, true},
		"longer":       {func(object string) error { return os.Truncate(object, 11<<20) }, true},
		"enormous":     {func(object string) error { return os.Truncate(object, 1<<42) }, true},
		"writable":     {func(object string) error { return os.Chmod(object, 0o666) }, false},
		"of our group": {func(object string) error { return errors.Join(os.Lchown(object, 0, 0), os.Chmod(object, 0o664)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache, s := t.TempDir(), good(t, 10<<20, 0)
			through(t, s, cache)
			object := objectOf(s, cache)
			if err := errors.Join(os.Chmod(object, 0o644), os.Lchown(object, nobody, nobody), tt.change(object)); err != nil {
				t.Fatal(err)
			}
			result, log := through(t, s, cache)
			linked := strings.Contains(log, "hard link")
			if (result.Fetched > 0) != tt.warned || strings.Contains(log, "level=WARN") != tt.warned || linked && !tt.warned {
				t.Errorf("%+v; log:\n%s", result, log)
			}
		})
	}
}

// TestCacheOfTwoUsers has two users in one cache that is sticky, as hostPath volumes for all should be: neither can replace
// what is the other's.
func TestCacheOfTwoUsers(t *testing.T) {
	dir := filepath.Join(os.TempDir(), "inith-test-cache-of-two-users")
	if os.Getuid() == 0 {
		_ = os.RemoveAll(dir)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		const sticky = os.ModeSticky | 0o777
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, sticky)); err != nil {
			t.Fatal(err)
		}
		s, wrong := good(t, 3<<20, 0), good(t, 2<<20, 0)
		through(t, s, dir)
		if err := os.WriteFile(objectOf(wrong, dir), []byte("wrong"), 0o644); err != nil {
			t.Fatal(err)
		}
		child(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
		other := good(t, 1<<20, 0)
		if result, log := through(t, other, dir); result.Fetched > 0 || strings.Contains(log, "level=WARN") {
			t.Errorf("root takes what nobody has downloaded: %+v; log:\n%s", result, log)
		}
		return
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("root prepares this test")
	}
	s, wrong, own := good(t, 3<<20, 0), good(t, 2<<20, 0), good(t, 1<<20, 0)
	if result, log := through(t, s, dir); result.Fetched > 0 || strings.Contains(log, "level=WARN") || strings.Contains(log, "hard link") {
		t.Errorf("what root has downloaded: %+v; log:\n%s", result, log)
	}
	result, log := through(t, wrong, dir)
	if result.Fetched != 2<<20 || !strings.Contains(log, "cannot be read or has another digest") ||
		!strings.Contains(log, "the file cannot be kept in the cache") {
		t.Errorf("what is wrong and cannot be replaced: %+v; log:\n%s", result, log)
	}
	for i := range 2 {
		if result, log := through(t, own, dir); (result.Fetched > 0) != (i == 0) || strings.Contains(log, "level=WARN") {
			t.Errorf("run %d of our own: %+v; log:\n%s", i, result, log)
		}
	}
	removed, err := pruned(t, dir)
	if err == nil || len(removed) != 1 || removed[0].Size != 1<<20 {
		t.Errorf("pruned %v, %v, want our own and an error", removed, err)
	}
	through(t, own, dir)
}

// TestCacheOfRoot cannot be written to by another user, who takes what is in it.
func TestCacheOfRoot(t *testing.T) {
	dir := filepath.Join(os.TempDir(), "inith-test-cache-of-root")
	if os.Getuid() == 0 {
		_ = os.RemoveAll(dir)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		through(t, good(t, 3<<20, 0), dir)
		child(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
		return
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("root prepares this test")
	}
	if result, log := through(t, good(t, 3<<20, 0), dir); result.Fetched > 0 || strings.Contains(log, "level=WARN") {
		t.Errorf("what is there: %+v; log:\n%s", result, log)
	}
	result, log := through(t, good(t, 2<<20, 0), dir)
	if result.Cached > 0 || strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "permission denied") {
		t.Errorf("what is not: %+v; log:\n%s", result, log)
	}
}

// TestCacheLeft removes what a process of this user has left of a file that another user's has completed.
func TestCacheLeft(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("root gives files to other users")
	}
	cache, s := t.TempDir(), good(t, 3<<20, 0)
	through(t, s, cache)
	object := objectOf(s, cache)
	part := filepath.Join(cache, ".inith", "0", filepath.Base(object)+".ABC.part")
	if err := errors.Join(os.Lchown(object, nobody, nobody), os.WriteFile(part, []byte("left"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if result, log := through(t, s, cache); result.Fetched > 0 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	if _, err := os.Lstat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the part: %v", err)
	}
}

// TestCacheInUse never evicts what a process downloads or copies.
func TestCacheInUse(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	c, downloaded := newCached(t, 2<<20), newCached(t, 12<<20)
	c.cache, downloaded.cache = cache, cache
	c.fetch(t)
	reader, err := os.Open(c.object())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := unix.FcntlFlock(reader.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK}); err != nil { // as one that copies it
		t.Fatal(err)
	}
	tr, err := (&fetch.Fetcher{Cache: cache, RateLimit: 4 << 20}).Open(downloaded.file(t, filepath.Join(t.TempDir(), "x")))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := tr.Run(t.Context())
		done <- err
	}()
	for tr.Status().Fetched == 0 {
		select {
		case err := <-done:
			t.Fatalf("it ended before a byte came: %v", err)
		default:
		}
	}
	removed, err := pruned(t, cache)
	if err == nil || len(removed) > 0 || !strings.Contains(err.Error(), "the rest is in use") {
		t.Errorf("removed %v, %v", removed, err)
	}
	other := newCached(t, 3<<20)
	other.cache = cache
	_, log := other.fetch(t, func(f *fetch.Fetcher, _ *fetch.File) { f.CacheMax = 4 << 20 })
	if !strings.Contains(log, "the cache has no room for") {
		t.Errorf("log:\n%s", log)
	}
	if err := errors.Join(<-done, reader.Close()); err != nil {
		t.Error(err)
	}
	removed, err = pruned(t, cache)
	if err != nil || len(removed) != 2 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if left, err := os.ReadDir(filepath.Join(cache, ".inith")); err == nil && len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
