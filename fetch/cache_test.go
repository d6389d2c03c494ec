package fetch_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/bucketserver"
)

// A cached is a file whose digest is pinned, and a cache that it goes through.
type cached struct {
	*origin
	content []byte
	cache   string
	sent    atomic.Int64 // bytes that the origin sent, also those that were lost with their connection
	fetched atomic.Int64 // bytes that clients got
}

func newCached(t *testing.T, size int) *cached {
	t.Helper()
	c := &cached{content: content(size), cache: filepath.Join(t.TempDir(), "cache")}
	c.origin = newOrigin(t, c.content, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(countedWriter{w, &c.sent}, r) })
	})
	return c
}

// A countedWriter counts the bytes of a body.
type countedWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countedWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.n.Add(int64(n))
	return n, err
}

func (c *cached) file(t *testing.T, dest string) fetch.File {
	t.Helper()
	return fetch.File{URL: parse(t, c.URL+"/model.bin"), Dest: dest, Digest: digestOf(c.content)}
}

// object is the path of the object of the cache.
func (c *cached) object() string { return filepath.Join(c.cache, "sha256-"+digestOf(c.content).Hex) }

// fetch fetches the file to a destination of its own, and checks it. It returns what was logged too.
func (c *cached) fetch(t *testing.T, change ...func(f *fetch.Fetcher, file *fetch.File)) (result fetch.Result, log string) {
	t.Helper()
	var b bytes.Buffer
	f := &fetch.Fetcher{Cache: c.cache, Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	file := c.file(t, filepath.Join(t.TempDir(), "model.bin"))
	for _, change := range change {
		change(f, &file)
	}
	result, err := run(t, f, file)
	if err != nil {
		t.Fatalf("%v; log:\n%s", err, &b)
	}
	c.fetched.Add(result.Fetched)
	if sum, err := sumOf(file.Dest); err != nil || sum != digestOf(c.content).Hex {
		t.Errorf("WRONG BYTES, %v", err)
	}
	return result, b.String()
}

// wantSent checks how often the clients got the file since the last call, and that nobody else did.
func (c *cached) wantSent(t *testing.T, times int) {
	t.Helper()
	size := int64(times * len(c.content))
	if n := c.fetched.Swap(0); n < size || n > size*11/10 {
		t.Errorf("the clients got %d bytes, want %d times %d", n, times, len(c.content))
	}
	const buffers = 4 << 20 // of connections that end early
	if n := c.sent.Swap(0); n < size || n > size*3/2+buffers {
		t.Errorf("the origin sent %d bytes, want %d times %d", n, times, len(c.content))
	}
}

// TestCache downloads a file once for two destinations, and sends no request for the second.
func TestCache(t *testing.T) {
	t.Parallel()
	c := newCached(t, 5<<20+3)
	size := int64(len(c.content))
	for i, want := range []struct{ fetched, cached int64 }{{size, 0}, {0, size}, {0, size}} {
		result, log := c.fetch(t)
		if result.Fetched != want.fetched || result.Cached != want.cached || result.Skipped {
			t.Errorf("run %d: %+v, want %+v; log:\n%s", i, result, want, log)
		}
		if result.Evidence != fetch.EvidencePinned || result.Digest != digestOf(c.content) {
			t.Errorf("run %d: %+v", i, result)
		}
	}
	c.wantSent(t, 1)
	info, err := os.Lstat(c.object())
	if err != nil || info.Mode() != 0o444 {
		t.Errorf("the object: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(stateOf(c.object()), "*")); len(left) != 1 || !strings.HasSuffix(left[0], ".receipt") {
		t.Errorf("the state of the cache has %q, want a receipt", left)
	}
}

// TestCacheTogether has 20 clients fetch a file at the same time, each with a Fetcher of its own.
func TestCacheTogether(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fetch.Fetcher, *fetch.File){
		"hard links": func(*fetch.Fetcher, *fetch.File) {},
		"copies":     func(_ *fetch.Fetcher, file *fetch.File) { file.Mode = 0o600 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCached(t, 24<<20)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { c.fetch(t, change) })
			}
			wg.Wait()
			c.wantSent(t, 1)
		})
	}
}

// TestCacheModes has the file at the destination as without a cache: with the mode that is asked for, and with a copy
// where an application may write to it.
func TestCacheModes(t *testing.T) {
	t.Parallel()
	c := newCached(t, 3<<20)
	for range 2 {
		var dest string
		result, log := c.fetch(t, func(_ *fetch.Fetcher, file *fetch.File) { file.Mode, dest = 0o640, file.Dest })
		info, err := os.Stat(dest)
		if err != nil || info.Mode() != 0o640 || strings.Contains(log, "hard link") {
			t.Errorf("%v, %v, %+v; log:\n%s", info, err, result, log)
		}
	}
	c.wantSent(t, 1)
}

// TestCacheWrites has an application write to its file, which may share its bytes with the cache.
func TestCacheWrites(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	var dest string
	c.fetch(t, func(_ *fetch.Fetcher, file *fetch.File) { dest = file.Dest })
	if err := errors.Join(os.Chmod(dest, 0o644), flip(dest, 7)); err != nil {
		t.Fatal(err)
	}
	c.fetch(t)
	if b, err := os.ReadFile(dest); err != nil || bytes.Equal(b, c.content) {
		t.Errorf("the file of the application was changed, %v", err)
	}
}

// TestCachePoisoned changes an object, with its size and its times as they were but for the one that nobody can set.
func TestCachePoisoned(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	copied := func(_ *fetch.Fetcher, file *fetch.File) { file.Mode = 0o600 }
	c.fetch(t, copied)
	before, err := os.Stat(c.object())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		os.Chmod(c.object(), 0o644), flip(c.object(), 99), os.Chmod(c.object(), 0o444),
		os.Chtimes(c.object(), before.ModTime(), before.ModTime()))
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(c.object()); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		t.Fatalf("the change shows: %v", after)
	}
	c.wantSent(t, 1)
	result, log := c.fetch(t, copied)
	if !strings.Contains(log, "has another digest than when it was downloaded") || result.Cached != 0 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	c.wantSent(t, 1)
	if result, log := c.fetch(t, copied); result.Fetched != 0 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
}

// TestCacheVerify hashes an object whose receipt matches, if that is asked for.
func TestCacheVerify(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	c.fetch(t)
	for _, verify := range []bool{false, true} {
		result, log := c.fetch(t, func(_ *fetch.Fetcher, file *fetch.File) { file.Verify, file.Mode = verify, 0o600 })
		if hashed := strings.Contains(log, "phase=checking"); result.Fetched > 0 || hashed != verify {
			t.Errorf("%+v, hashed %t; log:\n%s", result, hashed, log)
		}
	}
}

// TestCacheTouched hashes an object once after somebody touched it.
func TestCacheTouched(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	c.fetch(t)
	if err := os.Chmod(c.object(), 0o400); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if result, log := c.fetch(t); result.Fetched != 0 || strings.Contains(log, "level=WARN") {
			t.Errorf("%+v; log:\n%s", result, log)
		}
	}
}

// TestCacheHostileNames finds other things than files of its own where the cache has its names. The right file arrives,
// and nothing else is written to.
func TestCacheHostileNames(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(c *cached, victim string) error{
		"object is a link":      func(c *cached, victim string) error { return os.Symlink(victim, c.object()) },
		"object is a pipe":      func(c *cached, _ string) error { return syscall.Mkfifo(c.object(), 0o666) },
		"object is a directory": func(c *cached, _ string) error { return os.MkdirAll(filepath.Join(c.object(), "x"), 0o777) },
		"object is empty":       func(c *cached, _ string) error { return os.WriteFile(c.object(), nil, 0o666) },
		"state is a link": func(c *cached, victim string) error {
			return os.Symlink(filepath.Dir(victim), filepath.Join(c.cache, ".inith"))
		},
		"state of the user is a link": func(c *cached, victim string) error {
			state := filepath.Join(c.cache, ".inith")
			return errors.Join(os.Mkdir(state, 0o700), os.Symlink(filepath.Dir(victim), filepath.Join(state, strconv.Itoa(os.Geteuid()))))
		},
		"lock is a link": func(c *cached, victim string) error {
			state := filepath.Join(c.cache, ".inith")
			return errors.Join(os.Mkdir(state, 0o700), os.Symlink(victim, filepath.Join(state, filepath.Base(c.object())+".lock")))
		},
		"mark of use is a link": func(c *cached, victim string) error {
			state := filepath.Join(c.cache, ".inith")
			return errors.Join(os.Mkdir(state, 0o700), os.Symlink(victim, filepath.Join(state, filepath.Base(c.object())+".used")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCached(t, 2<<20)
			victim := filepath.Join(t.TempDir(), "victim")
			if err := errors.Join(os.Mkdir(c.cache, 0o700), os.WriteFile(victim, []byte("mine"), 0o600), plant(c, victim)); err != nil {
				t.Fatal(err)
			}
			_, log := c.fetch(t)
			if b, err := os.ReadFile(victim); string(b) != "mine" {
				t.Errorf("the victim has %q, %v; log:\n%s", b, err, log)
			}
			if entries, err := os.ReadDir(filepath.Dir(victim)); len(entries) != 1 {
				t.Errorf("next to the victim: %v, %v", entries, err)
			}
		})
	}
}

// TestCacheNotADirectory fetches without a cache that is none, and says so once.
func TestCacheNotADirectory(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	if err := os.WriteFile(c.cache, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, log := c.fetch(t); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "the cache cannot be used: fetching without it") {
		t.Errorf("log:\n%s", log)
	}
}

// TestCacheKeys names an object by a digest where one is known before the download, else by the version that the server says, and
// does not cache what has neither.
func TestCacheKeys(t *testing.T) {
	t.Parallel()
	b := content(2 << 20)
	weak, strong := md5.Sum(b), sha256.Sum256(b)
	for name, tt := range map[string]struct {
		header http.Header
		tag    string // the ETag
		query  string // of the URL
		cached bool
	}{
		"none":    {nil, `W/"v1"`, "", false},
		"version": {nil, `"v1"`, "", true},
		"signed":  {nil, `"v1"`, "?signature=s3cr3t", false},
		"weak":    {http.Header{"X-Goog-Hash": {"md5=" + base64.StdEncoding.EncodeToString(weak[:])}}, `"v1"`, "", true},
		"sha256":  {http.Header{"X-Checksum-Sha256": {hex.EncodeToString(strong[:])}}, `"v1"`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, b, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					maps.Copy(w.Header(), tt.header)
					h.ServeHTTP(w, r)
				})
			})
			o.become(b, tt.tag)
			var log bytes.Buffer
			dir, cache := t.TempDir(), t.TempDir()
			for i := range 2 {
				file := fetch.File{URL: parse(t, o.URL+"/model.bin"+tt.query), Dest: filepath.Join(dir, strconv.Itoa(i))}
				f := &fetch.Fetcher{Cache: cache, Logger: slog.New(slog.NewTextHandler(&log, nil))}
				result, err := run(t, f, file)
				if got, _ := os.ReadFile(file.Dest); err != nil || !bytes.Equal(got, b) || (result.Cached > 0) != (tt.cached && i > 0) {
					t.Errorf("run %d: %+v, %v", i, result, err)
				}
				calls := o.calls.Load()
				if result, err := run(t, f, file); err != nil || name != "none" && (!result.Skipped || o.calls.Load() != calls+1) {
					t.Errorf("again: %+v, %v, %d requests", result, err, o.calls.Load()-calls)
				}
			}
			if strings.Contains(log.String(), "not cached: the server says neither a digest nor a version of the file") == tt.cached {
				t.Errorf("log:\n%s", &log)
			}
		})
	}
}

// TestCacheHead finds the digest before the download where a server is busy, and where it refuses HEAD.
func TestCacheHead(t *testing.T) {
	t.Parallel()
	b := content(2 << 20)
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusMethodNotAllowed, http.StatusForbidden} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			var heads atomic.Int64
			o := newOrigin(t, b, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Checksum-Sha256", digestOf(b).Hex)
					if r.Method == http.MethodHead && (status < http.StatusTooManyRequests || heads.Add(1) == 1) {
						w.WriteHeader(status)
						return
					}
					h.ServeHTTP(w, r)
				})
			})
			cache, dir := t.TempDir(), t.TempDir()
			for i := range 2 {
				file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(dir, strconv.Itoa(i))}
				result, err := run(t, &fetch.Fetcher{Cache: cache}, file)
				if got, _ := os.ReadFile(file.Dest); err != nil || !bytes.Equal(got, b) || (result.Cached > 0) != (i > 0) {
					t.Errorf("run %d: %+v, %v", i, result, err)
				}
			}
		})
	}
}

// TestCachePartial lists what an interrupted download has left, resumes it, and prunes it.
func TestCachePartial(t *testing.T) {
	t.Parallel()
	c := newCached(t, 24<<20)
	half := func() []fetch.CacheObject {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tr, err := (&fetch.Fetcher{Cache: c.cache, RateLimit: 24 << 20}).Open(c.file(t, filepath.Join(t.TempDir(), "x")))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for tr.Status().Done < 12<<20 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		objects, err := fetch.Cache{Dir: c.cache}.Objects()
		if err != nil || len(objects) != 1 || !objects[0].Partial || objects[0].Digest != digestOf(c.content) {
			t.Errorf("%+v, %v", objects, err)
		}
		return objects
	}
	half()
	if result, log := c.fetch(t); result.Resumed < 1<<20 {
		t.Errorf("%+v; log:\n%s", result, log)
	}
	if err := os.Remove(c.object()); err != nil {
		t.Fatal(err)
	}
	half()
	n := 0
	if err := (fetch.Cache{Dir: c.cache}).Prune(t.Context(), 1, 0, func(fetch.CacheObject) { n++ }); err != nil || n != 1 {
		t.Errorf("%d pruned, %v", n, err)
	}
	if objects, err := (fetch.Cache{Dir: c.cache}).Objects(); err != nil || len(objects) > 0 {
		t.Errorf("left %+v, %v", objects, err)
	}
}

// TestCacheEvidence refuses what is in the cache where the server's digest is less than was asked for.
func TestCacheEvidence(t *testing.T) {
	t.Parallel()
	c := newCached(t, 1000)
	c.fetch(t)
	file := c.file(t, filepath.Join(t.TempDir(), "x"))
	file.Digest, file.Evidence = fetch.Digest{}, fetch.EvidenceServer
	_, err := run(t, &fetch.Fetcher{Cache: c.cache}, file)
	if _, ok := errors.AsType[*fetch.EvidenceError](err); !ok {
		t.Errorf("err = %v", err)
	}
}

// TestCacheWrongDigest reports a server that has other bytes, and keeps none of them.
func TestCacheWrongDigest(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	c.become(content(2<<20+1), `"v2"`)
	_, err := run(t, &fetch.Fetcher{Cache: c.cache}, c.file(t, filepath.Join(t.TempDir(), "x")))
	if _, ok := errors.AsType[*fetch.DigestError](err); !ok {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Lstat(c.object()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an object: %v", err)
	}
}

// TestCacheDirectory takes the files of a repository from the cache, each by its own digest.
func TestCacheDirectory(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	_, hub := startHub(t, r)
	cache := t.TempDir()
	for i, hubCache := range []bool{false, false, true} {
		file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), WriteSums: !hubCache, HubCache: hubCache}
		f := &fetch.Fetcher{Hub: hub, Cache: cache}
		result, err := run(t, f, file)
		if err != nil {
			t.Fatal(err)
		}
		if (result.Fetched > 0) != (i == 0) || (result.Cached > 0) != (i > 0) {
			t.Errorf("run %d: %+v", i, result)
		}
		if result, err := run(t, &fetch.Fetcher{Hub: hub, Cache: cache}, file); err != nil || !result.Skipped {
			t.Errorf("run %d again: %+v, %v", i, result, err)
		}
	}
	objects, err := fetch.Cache{Dir: cache}.Objects()
	if err != nil || len(objects) == 0 {
		t.Errorf("%v, %v", objects, err)
	}
	if err := (fetch.Cache{Dir: cache}).Verify(t.Context(), func(o fetch.CacheObject, err error) {
		if err != nil {
			t.Errorf("%s: %v", o.Digest, err)
		}
	}); err != nil {
		t.Error(err)
	}
}

// TestCacheS3 takes objects of a bucket from the cache, by the SHA-256 if they have one there, else by their version.
func TestCacheS3(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	large, small := content(3<<20), []byte("small")
	sum := sha256.Sum256(large)
	s.Put("model/large", bucketserver.Object{
		Content: bytes.NewReader(large), Size: int64(len(large)), ETag: `"a-1"`,
		Header: http.Header{"X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}},
	})
	s.PutBytes("model/small", small)
	cache := t.TempDir()
	for i := range 2 {
		file := fetch.File{URL: parse(t, "s3://models/model/"), Dest: filepath.Join(t.TempDir(), "m")}
		result, err := run(t, &fetch.Fetcher{S3: config, Cache: cache}, file)
		if err != nil {
			t.Fatal(err)
		}
		wantFiles(t, file.Dest, map[string][]byte{"large": large, "small": small})
		if i == 1 && (result.Cached != result.Size || result.Fetched != 0) {
			t.Errorf("%+v", result)
		}
	}
	objects, err := fetch.Cache{Dir: cache}.Objects()
	slices.SortFunc(objects, func(a, b fetch.CacheObject) int { return cmp.Compare(a.Size, b.Size) })
	if err != nil || len(objects) != 2 || objects[0].Digest.Algorithm != "version" || objects[1].Digest != digestOf(large) {
		t.Errorf("%+v, %v", objects, err)
	}
}

// TestCacheSecondRun looks at the destination alone.
func TestCacheSecondRun(t *testing.T) {
	t.Parallel()
	c := newCached(t, 2<<20)
	file := c.file(t, filepath.Join(t.TempDir(), "model.bin"))
	for i := range 2 {
		if result, err := run(t, &fetch.Fetcher{Cache: c.cache}, file); err != nil || result.Skipped != (i == 1) {
			t.Errorf("run %d: %+v, %v", i, result, err)
		}
		if err := os.RemoveAll(c.cache); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheInterrupted ends a run while it copies: the destination is absent, and the next run copies all of it.
func TestCacheInterrupted(t *testing.T) {
	t.Parallel()
	c := newCached(t, 64<<20)
	copied := func(_ *fetch.Fetcher, file *fetch.File) { file.Mode = 0o600 }
	c.fetch(t, copied)
	file := c.file(t, filepath.Join(t.TempDir(), "model.bin"))
	file.Mode = 0o600
	interrupted := false
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		tr, err := (&fetch.Fetcher{Cache: c.cache}).Open(file)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for tr.Status().Phase != fetch.Copying && ctx.Err() == nil {
				time.Sleep(100 * time.Microsecond)
			}
			cancel()
		}()
		_, err = tr.Run(ctx)
		cancel()
		if interrupted = errors.Is(err, context.Canceled); interrupted {
			break
		}
		if err := os.Remove(file.Dest); err != nil {
			t.Fatal(err)
		}
	}
	if !interrupted {
		t.Fatal("it copies too fast to be interrupted")
	}
	if _, err := os.Lstat(file.Dest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the destination: %v", err)
	}
	if result, err := run(t, &fetch.Fetcher{Cache: c.cache}, file); err != nil || result.Fetched > 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if sum, err := sumOf(file.Dest); err != nil || sum != file.Digest.Hex {
		t.Errorf("WRONG BYTES, %v", err)
	}
	if parts, _ := filepath.Glob(filepath.Join(stateOf(file.Dest), "*.part")); len(parts) > 0 {
		t.Errorf("left: %q", parts)
	}
}

// TestCacheMax evicts what was not used for longest, until a new object fits.
func TestCacheMax(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	var all []*cached
	limited := func(f *fetch.Fetcher, _ *fetch.File) { f.CacheMax = 5 << 20 }
	for i := range 3 {
		c := newCached(t, 2<<20+i)
		c.cache = cache
		c.fetch(t, limited)
		all = append(all, c)
		if i == 1 { // the first is used again: the second one goes
			long := time.Now().Add(-time.Hour)
			mark := filepath.Join(cache, ".inith", filepath.Base(all[1].object())+".used")
			if err := errors.Join(os.Chtimes(mark, long, long), os.Chtimes(all[1].object(), long, long)); err != nil {
				t.Fatal(err)
			}
			all[0].fetch(t, limited)
		}
	}
	for i, want := range []bool{true, false, true} {
		if _, err := os.Lstat(all[i].object()); (err == nil) != want {
			t.Errorf("object %d: %v", i, err)
		}
	}
	large := newCached(t, 6<<20)
	large.cache = cache
	if _, log := large.fetch(t, limited); !strings.Contains(log, "--cache-max") && !strings.Contains(log, "the cache may have") {
		t.Errorf("log:\n%s", log)
	}
	if objects, err := (fetch.Cache{Dir: cache}).Objects(); err != nil || len(objects) != 2 {
		t.Errorf("%v, %v", objects, err)
	}
}
