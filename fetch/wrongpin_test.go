package fetch_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// A pinnedServer has a file whose version may change, and counts what it is asked for.
type pinnedServer struct {
	*httptest.Server
	mu       sync.Mutex
	content  []byte
	tag      string
	requests int
}

func newPinnedServer(t *testing.T, content []byte, tag string) *pinnedServer {
	t.Helper()
	s := &pinnedServer{content: content, tag: tag}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		b, tag := s.content, s.tag
		s.requests++
		s.mu.Unlock()
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	t.Cleanup(s.Close)
	return s
}

// change gives the file another version. It returns how many requests there were.
func (s *pinnedServer) change(content []byte, tag string) (requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.tag = content, tag
	requests, s.requests = s.requests, 0
	return requests
}

// TestWrongPin restarts with a wrong digest, until the object or the digest is corrected.
func TestWrongPin(t *testing.T) {
	t.Parallel()
	wrong, right := content(3<<20), append(content(2<<20), "right"...)
	s := newPinnedServer(t, wrong, `"v1"`)
	dest := filepath.Join(t.TempDir(), "model.bin")
	file := fetch.File{URL: parse(t, s.URL+"/model.bin?token=s3cr3t"), Dest: dest, Digest: digestOf(right)}
	mismatch := func(earlier bool) {
		t.Helper()
		_, err := run(t, &fetch.Fetcher{}, file)
		e, ok := errors.AsType[*fetch.DigestError](err)
		if !ok || e.Got != digestOf(wrong) || e.Want != file.Digest || e.Earlier != earlier {
			t.Errorf("%v; want a mismatch, found earlier: %t", err, earlier)
		}
	}
	mismatch(false)
	s.change(wrong, `"v1"`)
	mismatch(true)
	mismatch(true)
	file.Digest = digestOf([]byte("another"))
	mismatch(true)
	if n := s.change(wrong, `"v2"`); n != 3 {
		t.Errorf("%d requests in three runs, want one each", n)
	}
	state, err := os.ReadFile(filepath.Join(stateOf(dest), "model.bin.findings"))
	if err != nil || bytes.Contains(state, []byte("s3cr3t")) {
		t.Errorf("%s, %v", state, err)
	}
	mismatch(false) // another version of the same bytes
	mismatch(true)
	s.change(right, `"v3"`)
	file.Digest = digestOf(right)
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Errorf("the right object: %v", err)
	}
	if left, _ := filepath.Glob(stateOf(dest) + "/*"); len(left) != 1 || !strings.HasSuffix(left[0], ".receipt") {
		t.Errorf("left %q", left)
	}
}

// TestCorrectedPin gives the digest that an earlier run has found.
func TestCorrectedPin(t *testing.T) {
	t.Parallel()
	b := content(2 << 20)
	s := newPinnedServer(t, b, `"v1"`)
	file := fetch.File{URL: parse(t, s.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(nil)}
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil {
		t.Fatal("no mismatch")
	}
	file.Digest = digestOf(b)
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Error(err)
	}
}

// TestNothingLearned restarts where nothing tells whether the object is the same: all of
// it is downloaded again.
func TestNothingLearned(t *testing.T) {
	t.Parallel()
	s := newPinnedServer(t, content(2<<20), "")
	right := content(1 << 20)
	file := fetch.File{URL: parse(t, s.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(right)}
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil {
		t.Fatal("no mismatch")
	}
	s.change(right, "")
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Errorf("no version: %v", err)
	}
}

// TestNoFinding restarts with state that says nothing: the object is downloaded again.
func TestNoFinding(t *testing.T) {
	t.Parallel()
	wrong, right := content(2<<20), content(1<<20)
	s := newPinnedServer(t, wrong, `"v1"`)
	for _, state := range []string{"", "[", "{}", `[{"version":2}]`, `[{"version":1,"source":"x","digest":"sha256:00"}]`} {
		dest := filepath.Join(t.TempDir(), "model.bin")
		file := fetch.File{URL: parse(t, s.URL+"/model.bin"), Dest: dest, Digest: digestOf(right)}
		s.change(wrong, `"v1"`)
		if _, err := run(t, &fetch.Fetcher{}, file); err == nil {
			t.Fatal("no mismatch")
		}
		if err := os.WriteFile(filepath.Join(stateOf(dest), "model.bin.findings"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		s.change(right, `"v1"`)
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Errorf("%q: %v", state, err)
		}
	}
}

// TestFoundOnce has a line that changes bytes: two downloads differ, and nothing is known
// of the object.
func TestFoundOnce(t *testing.T) {
	t.Parallel()
	right := content(2 << 20)
	s := newPinnedServer(t, right, `"v1"`)
	broken := 0
	handler := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken < 2 && strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
			broken++
			s.change(append(right[:len(right)-1:len(right)-1], right[len(right)-1]+byte(broken)), `"v1"`)
		}
		handler.ServeHTTP(w, r)
	})
	file := fetch.File{URL: parse(t, s.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(right)}
	if _, err := run(t, &fetch.Fetcher{Connections: 1}, file); err == nil {
		t.Fatal("no mismatch")
	}
	s.change(right, `"v1"`)
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Error(err)
	}
}
