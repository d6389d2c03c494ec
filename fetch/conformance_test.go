package fetch_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/testing/blobserver"
	"github.com/inith/inith/internal/testing/bucketserver"
	"github.com/inith/inith/internal/testing/gcsserver"
	"github.com/inith/inith/internal/testing/hubserver"
	"github.com/inith/inith/internal/testing/registryserver"
)

// A site is a source with files, for one test.
type site struct {
	fetcher fetch.Fetcher
	url     func(name string) string

	// replace gives a file other bytes, as a new version does; nil: what a URL names never changes.
	replace func(name string, b []byte)
	// expire makes the credentials in use expire, and renewed reports how many there were; nil: the source has none that expire.
	expire  func()
	renewed func() int
	// fault is called with each request for bytes, and reports whether it has answered; nil: the source is no server.
	fault func(f func(w http.ResponseWriter, r *http.Request) bool)

	rate  int64  // bytes per second that are fetched; zero: any number
	cache string // the directory of the node cache; "": none
}

// A conforming source is a row of the suite.
type conforming struct {
	name  string
	start func(t *testing.T, files map[string][]byte) *site
	odd   []string // names of files that are hard to spell
}

func conformingSources() []conforming {
	odd := []string{"a b", "a+b", "100%", "a%2Fb", "ü", "x#y", "x?y=z", "a&b=c", "~a.b-c_d", "dir/with/depth", "..a", "quote'\"", "[x]", "a@b:c"}
	return []conforming{
		{"http", startHTTPSite, odd},
		{"hf", startHubSite, odd},
		{"s3", startS3Site, append(odd, "a//b", "dir/../up", "./a", "/abs", "a/./b", "A", "a")},
		{"oci", startRegistrySite, odd},
		{"gs", startGSSite, append(odd, "a//b", "dir/../up", "./a", "/abs", "a/./b", "A", "a")},
		{"az", startAzureSite, append(odd, "a//b", "dir/../up", "./a", "/abs", "a/./b", "A", "a")},
		{"file", startLocalSite, odd},
	}
}

// escapePath returns a path of a URL.
func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// A faultHook is a fault that a server which runs already can get.
type faultHook struct{ now atomic.Value }

func (h *faultHook) set(f func(w http.ResponseWriter, r *http.Request) bool) { h.now.Store(f) }

// answers reports whether the fault has answered.
func (h *faultHook) answers(w http.ResponseWriter, r *http.Request) bool {
	f, ok := h.now.Load().(func(http.ResponseWriter, *http.Request) bool)
	return ok && f(w, r)
}

func startHTTPSite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	var fault faultHook
	var mu sync.Mutex
	version := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault.answers(w, r) {
			return
		}
		mu.Lock()
		b, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		w.Header().Set("ETag", fmt.Sprintf(`"v%d"`, version))
		mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	t.Cleanup(server.Close)
	return &site{
		url: func(name string) string { return server.URL + "/" + escapePath(name) },
		replace: func(name string, b []byte) {
			mu.Lock()
			defer mu.Unlock()
			files[name], version = b, version+1
		},
		fault: fault.set,
	}
}

func startHubSite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s, hub := startHub(t, hubserver.Repository{Name: "org/model", Commit: hubCommit, LFS: 1 << 20, Files: files})
	links := func() int { return len(s.Requests("/resolve/")) }
	return &site{
		fetcher: fetch.Fetcher{Hub: hub},
		url:     func(name string) string { return "hf://org/model/" + escapePath(name) },
		expire:  s.Expire, renewed: links,
		fault: func(f func(http.ResponseWriter, *http.Request) bool) {
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				return !strings.HasPrefix(r.URL.Path, "/api/") && f(w, r)
			}
		},
	}
}

func startS3Site(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s := bucketserver.Start()
	t.Cleanup(s.Close)
	s.AgentToken = "t0k3n"
	for name, b := range files {
		s.PutBytes(name, b)
	}
	var fault faultHook
	s.Fault = fault.answers
	return &site{
		fetcher: fetch.Fetcher{S3: fetch.S3{
			Endpoint: parse(t, s.URL), Login: fetch.AWS{ContainerURI: s.URL + "/agent", ContainerToken: s.AgentToken},
		}},
		url:     func(name string) string { return "s3://models/" + escapePath(name) },
		replace: s.PutBytes,
		expire:  s.Expire, renewed: s.Given,
		fault: fault.set,
	}
}

func startRegistrySite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s := registryserver.Start("s3cr3t")
	t.Cleanup(s.Close)
	s.Login, s.Redirects = registryserver.Token, true
	s.Artifact("v1", files)
	return &site{
		url:    func(name string) string { return "oci://" + s.Host + "/org/model:v1/" + escapePath(name) },
		expire: s.Expire, renewed: s.Given,
		fault: func(f func(http.ResponseWriter, *http.Request) bool) {
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				return strings.Contains(r.URL.Path, "sha256:") && f(w, r)
			}
		},
	}
}

func startGSSite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s := gcsserver.Start()
	t.Cleanup(s.Close)
	for name, b := range files {
		s.PutBytes(name, b)
	}
	var fault faultHook
	s.Fault = fault.answers
	return &site{
		fetcher: fetch.Fetcher{GCS: fetch.GCS{Endpoint: parse(t, s.URL), Login: fetch.Google{MetadataHost: s.Host()}}},
		url:     func(name string) string { return "gs://models/" + escapePath(name) },
		replace: s.PutBytes,
		expire:  s.Expire, renewed: s.Given,
		fault: fault.set,
	}
}

func startAzureSite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s := blobserver.Start()
	t.Cleanup(s.Close)
	for name, b := range files {
		s.PutBytes(name, b)
	}
	var fault faultHook
	s.Fault = fault.answers
	return &site{
		fetcher: fetch.Fetcher{Azure: fetch.Azure{Endpoint: parse(t, s.URL), Login: fetch.Entra{MetadataEndpoint: s.URL}}},
		url:     func(name string) string { return "az://account/models/" + escapePath(name) },
		replace: s.PutBytes,
		expire:  s.Expire, renewed: s.Given,
		fault: fault.set,
	}
}

func startLocalSite(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	dir, now := t.TempDir(), time.Now()
	put := func(name string, b []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Error(err)
		}
		now = now.Add(time.Second) // kernels count in ticks, which two writes may share
		whole := path + ".new"     // a part of a file is a file as well, if its writer takes a while
		if err := cmp.Or(os.WriteFile(whole, b, 0o600), os.Chtimes(whole, now, now), os.Rename(whole, path)); err != nil {
			t.Error(err)
		}
	}
	for name, b := range files {
		put(name, b)
	}
	return &site{
		url: func(name string) string {
			return "file://" + escapePath(filepath.ToSlash(dir)) + "/" + escapePath(name)
		},
		replace: put,
	}
}

// fetched fetches a file to a place where there was none.
func (s *site) fetched(t *testing.T, file fetch.File) ([]byte, fetch.Result, error) {
	t.Helper()
	if file.Dest == "" {
		file.Dest = filepath.Join(t.TempDir(), "dest")
	}
	f := fetch.Fetcher{Hub: s.fetcher.Hub, S3: s.fetcher.S3, GCS: s.fetcher.GCS, Azure: s.fetcher.Azure, RetryMaxWait: time.Millisecond, RateLimit: s.rate, Cache: s.cache}
	result, err := run(t, &f, file)
	b, readErr := os.ReadFile(file.Dest)
	if err == nil && readErr != nil {
		t.Error(readErr)
	}
	return b, result, err
}

// TestSources holds every source to the same behaviour. What a source cannot do is said in its row, and by a log line.
func TestSources(t *testing.T) {
	t.Parallel()
	for _, c := range conformingSources() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for name, check := range map[string]func(*testing.T, conforming){
				"names": testSourceNames, "zero bytes": testSourceEmpty, "missing": testSourceMissing, "wrong digest": testSourceWrongDigest,
				"stopped and resumed": testSourceResumed, "changed under way": testSourceChanged, "expired": testSourceExpired,
				"throttled": testSourceThrottled, "cached": testSourceCached,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					check(t, c)
				})
			}
		})
	}
}

func testSourceNames(t *testing.T, c conforming) {
	t.Helper()
	files := map[string][]byte{}
	for i, name := range c.odd {
		files[name] = []byte("content " + strconv.Itoa(i))
	}
	s := c.start(t, files)
	for _, name := range c.odd {
		if b, _, err := s.fetched(t, fetch.File{URL: parse(t, s.url(name))}); err != nil || !bytes.Equal(b, files[name]) {
			t.Errorf("%s: %q, %v", s.url(name), b, err)
		}
	}
}

func testSourceEmpty(t *testing.T, c conforming) {
	t.Helper()
	s := c.start(t, map[string][]byte{"empty": {}})
	b, result, err := s.fetched(t, fetch.File{URL: parse(t, s.url("empty"))})
	if err != nil || len(b) != 0 || result.Size != 0 || result.Digest != digestOf(nil) {
		t.Errorf("%d bytes, %+v, %v", len(b), result, err)
	}
}

// testSourceCached downloads a version of a file once. Files of this machine need no cache.
func testSourceCached(t *testing.T, c conforming) {
	t.Helper()
	old, now := content(3<<20), content(3<<20+1)
	s := c.start(t, map[string][]byte{"dir/file": old})
	s.cache = t.TempDir()
	check := func(want []byte) {
		t.Helper()
		for i := range 2 {
			b, result, err := s.fetched(t, fetch.File{URL: parse(t, s.url("dir/file"))})
			if err != nil || !bytes.Equal(b, want) || (result.Cached > 0) != (i > 0 && c.name != "file") {
				t.Errorf("run %d: %d bytes, %+v, %v", i, len(b), result, err)
			}
		}
	}
	check(old)
	if s.replace != nil {
		s.replace("dir/file", now)
		check(now)
	}
}

func testSourceMissing(t *testing.T, c conforming) {
	t.Helper()
	s := c.start(t, map[string][]byte{"file": []byte("x")})
	_, _, err := s.fetched(t, fetch.File{URL: parse(t, s.url("none"))})
	if _, ok := errors.AsType[*fetch.SourceError](err); !ok || hintOf(err) == "" {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
}

func testSourceWrongDigest(t *testing.T, c conforming) {
	t.Helper()
	b := content(3 << 20)
	s := c.start(t, map[string][]byte{"file": b})
	got, _, err := s.fetched(t, fetch.File{URL: parse(t, s.url("file")), Digest: digestOf(b[1:])})
	if mismatch, ok := errors.AsType[*fetch.DigestError](err); !ok || mismatch.Got != digestOf(b) || got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// stopHalf fetches about half of a file, and is stopped.
func (s *site) stopHalf(t *testing.T, file fetch.File, size int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fetch.Fetcher{Hub: s.fetcher.Hub, S3: s.fetcher.S3, GCS: s.fetcher.GCS, Azure: s.fetcher.Azure, RateLimit: 8 << 20, Connections: 1}
	tr, err := f.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for tr.Status().Done < size/2 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want it canceled", err)
	}
}

func testSourceResumed(t *testing.T, c conforming) {
	t.Helper()
	b := content(9<<20 + 5)
	s := c.start(t, map[string][]byte{"file": b})
	file := fetch.File{URL: parse(t, s.url("file")), Dest: filepath.Join(t.TempDir(), "file")}
	s.stopHalf(t, file, int64(len(b)))
	got, result, err := s.fetched(t, file)
	if err != nil || !bytes.Equal(got, b) || result.Resumed < 1<<20 || result.Fetched > int64(len(b))-result.Resumed+1<<20 {
		t.Errorf("%d bytes, %+v, %v", len(got), result, err)
	}
}

// testSourceChanged replaces the file between two runs, and in the middle of one: what comes of it is the new file, and
// never a mixture.
func testSourceChanged(t *testing.T, c conforming) {
	t.Helper()
	b := content(9 << 20)
	s := c.start(t, map[string][]byte{"file": b})
	if s.replace == nil {
		t.Log("what a URL names does not change: it is resolved to a version first")
		return
	}
	changed := bytes.Clone(b)
	for i := range changed {
		changed[i] ^= 1
	}
	if got := s.halves(t, "file", func() { s.replace("file", changed) }); bytes.Equal(got, b) || bytes.Equal(got, changed) {
		t.Error("a client that does not compare versions gets no mixture: this test cannot tell the difference")
	}
	s.replace("file", b)
	file := fetch.File{URL: parse(t, s.url("file")), Dest: filepath.Join(t.TempDir(), "file")}
	s.stopHalf(t, file, int64(len(b)))
	s.replace("file", changed)
	if got, _, err := s.fetched(t, file); err != nil || !bytes.Equal(got, changed) {
		t.Errorf("between two runs: %v, the new file: %v", err, bytes.Equal(got, changed))
	}

	f := &fetch.Fetcher{S3: s.fetcher.S3, GCS: s.fetcher.GCS, Azure: s.fetcher.Azure, RateLimit: 4 << 20, RetryMaxWait: time.Millisecond}
	file.Dest += "2"
	tr, err := f.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	var replaced atomic.Bool
	go func() {
		for tr.Status().Done < 2<<20 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		s.replace("file", b)
		replaced.Store(true)
	}()
	_, err = tr.Run(t.Context())
	if got, _ := os.ReadFile(file.Dest); err != nil || !replaced.Load() || !bytes.Equal(got, b) && !bytes.Equal(got, changed) {
		t.Errorf("in the middle: %v, replaced: %v, the old file: %v, the new one: %v", err, replaced.Load(), bytes.Equal(got, changed), bytes.Equal(got, b))
	}
}

// halves reads a file in two parts, as a client does that compares no versions, with something in between.
func (s *site) halves(t *testing.T, name string, between func()) []byte {
	t.Helper()
	u := parse(t, s.url(name))
	r, err := (&source.Network{S3: s.fetcher.S3, GCS: s.fetcher.GCS, Azure: s.fetcher.Azure}).Resolver(u, source.Credentials{URL: u}, nil)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := r.Resolve(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, n := range []int64{1 << 20, source.ToEnd} {
		part, err := objects[0].Source.Open(t.Context(), int64(len(all)), n, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part.Body)
		_ = part.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
		if n != source.ToEnd {
			between()
		}
	}
	return all
}

// testSourceExpired makes the credentials expire when some of the file has come.
func testSourceExpired(t *testing.T, c conforming) {
	t.Helper()
	b := content(12 << 20)
	s := c.start(t, map[string][]byte{"file": b})
	if s.expire == nil {
		t.Log("nothing expires")
		return
	}
	s.rate = 16 << 20 // else the first connection may bring all
	var once sync.Once
	var cut atomic.Bool
	s.fault(func(_ http.ResponseWriter, r *http.Request) (answered bool) {
		if r.Header.Get("Range") == "bytes=0-" || r.Header.Get("Range") == "" {
			return false
		}
		once.Do(func() {
			s.expire()
			cut.Store(true)
		})
		return false
	})
	got, _, err := s.fetched(t, fetch.File{URL: parse(t, s.url("file"))})
	if err != nil || !bytes.Equal(got, b) || !cut.Load() || s.renewed() < 2 {
		t.Errorf("%d bytes, %v, expired: %v, renewed: %d", len(got), err, cut.Load(), s.renewed())
	}
}

// testSourceThrottled answers every second request for bytes with 503, the first one too.
func testSourceThrottled(t *testing.T, c conforming) {
	t.Helper()
	b := content(9 << 20)
	s := c.start(t, map[string][]byte{"file": b})
	if s.fault == nil {
		t.Log("there is no server")
		return
	}
	var n, refused atomic.Int64
	s.fault(func(w http.ResponseWriter, _ *http.Request) bool {
		if n.Add(1)%2 == 0 || n.Load() > 8 {
			return false
		}
		refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<Error><Code>SlowDown</Code></Error>"))
		return true
	})
	got, result, err := s.fetched(t, fetch.File{URL: parse(t, s.url("file"))})
	if err != nil || !bytes.Equal(got, b) || refused.Load() == 0 || result.Retries == 0 {
		t.Errorf("%d bytes, %+v, %v, %d refused", len(got), result, err, refused.Load())
	}
}
