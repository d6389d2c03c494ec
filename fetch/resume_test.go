package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// origin serves content with a strong entity tag, and counts the requests.
type origin struct {
	*httptest.Server
	mu      sync.Mutex
	content []byte
	tag     string
	calls   atomic.Int64
}

func newOrigin(tb testing.TB, b []byte, wrap func(http.Handler) http.Handler) *origin {
	tb.Helper()
	o := &origin{content: b, tag: `"v1"`}
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.calls.Add(1)
		o.mu.Lock()
		now, tag := o.content, o.tag
		o.mu.Unlock()
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(now))
	})
	if wrap != nil {
		h = wrap(h)
	}
	o.Server = httptest.NewServer(h)
	tb.Cleanup(o.Close)
	return o
}

// become changes what is served.
func (o *origin) become(b []byte, tag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.content, o.tag = b, tag
}

// run fetches file with what a test changed of the fetcher.
func run(tb testing.TB, f *fetch.Fetcher, file fetch.File) (fetch.Result, error) {
	tb.Helper()
	tr, err := f.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	return tr.Run(tb.Context())
}

// interrupted fetches about half of a file and is stopped.
func interrupted(tb testing.TB, o *origin, file fetch.File) {
	tb.Helper()
	interruptedAt(tb, int64(len(o.content)/2), &fetch.Fetcher{RateLimit: int64(len(o.content))}, file)
}

// interruptedAt fetches so many bytes and is stopped.
func interruptedAt(tb testing.TB, done int64, f *fetch.Fetcher, file fetch.File) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	tr, err := f.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	go func() {
		for tr.Status().Done < done {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		tb.Fatalf("err = %v, want it canceled", err)
	}
}

func only(tb testing.TB, pattern string) string {
	tb.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) != 1 {
		tb.Fatalf("%s: %d files, %v", pattern, len(all), err)
	}
	return all[0]
}

// flip changes a bit of a file.
func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, at); err != nil {
		return err
	}
	one[0] ^= 0x40
	_, err = f.WriteAt(one, at)
	return err
}

// TestResume interrupts a transfer, changes what it left, and goes on. Whatever
// was changed, the result is right; what was not is not fetched again.
func TestResume(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	for _, tt := range []struct {
		name    string
		tamper  func(o *origin, part, journal string) error
		most    int64 // bytes that may come in the second run, of 24 MiB
		resumed bool
	}{
		{"nothing changed", func(*origin, string, string) error { return nil }, 21 << 20, true},
		{"a bit of the partial file flipped", func(_ *origin, part, _ string) error { return flip(part, 100) }, 21 << 20, true},
		{"the partial file truncated", func(_ *origin, part, _ string) error { return os.Truncate(part, 5<<20) }, 24 << 20, true},
		{"the partial file extended", func(_ *origin, part, _ string) error { return os.Truncate(part, 50<<20) }, 21 << 20, true},
		{"the partial file empty", func(_ *origin, part, _ string) error { return os.Truncate(part, 0) }, 24 << 20, true},
		{"the partial file gone", func(_ *origin, part, _ string) error { return os.Remove(part) }, 24 << 20, false},
		{"half a line in the journal", func(_ *origin, _, journal string) error {
			stat, err := os.Stat(journal)
			if err != nil {
				return err
			}
			return os.Truncate(journal, stat.Size()-10)
		}, 21 << 20, true},
		{"a bit of the journal flipped", func(_ *origin, _, journal string) error { return flip(journal, 250) }, 21 << 20, true},
		{"a bit of the journal's first line flipped", func(_ *origin, _, journal string) error { return flip(journal, 20) }, 24 << 20, false},
		{"the journal empty", func(_ *origin, _, journal string) error { return os.Truncate(journal, 0) }, 24 << 20, false},
		{"the journal gone", func(_ *origin, _, journal string) error { return os.Remove(journal) }, 24 << 20, false},
		{"another version on the server", func(o *origin, _, _ string) error {
			o.become(append([]byte("changed"), b[7:]...), `"v2"`)
			return nil
		}, 40 << 20, false},
		{"a longer version on the server", func(o *origin, _, _ string) error {
			o.become(append([]byte("longer"), b...), `"v2"`)
			return nil
		}, 40 << 20, false},
	} {
		for _, pinned := range []bool{false, true} {
			name := tt.name
			if pinned {
				name += ", pinned"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := newOrigin(t, b, nil)
				dest := filepath.Join(t.TempDir(), "model.bin")
				file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: dest}
				if pinned {
					file.Digest = digestOf(b)
				}
				interrupted(t, o, file)
				state := stateOf(dest)
				if err := tt.tamper(o, only(t, state+"/*.part"), only(t, state+"/*.journal")); err != nil {
					t.Fatal(err)
				}
				result, err := run(t, &fetch.Fetcher{}, file)
				if pinned && !bytes.Equal(o.content, b) {
					if _, ok := errors.AsType[*fetch.DigestError](err); !ok {
						t.Fatalf("err = %v, want a digest error", err)
					}
					if _, err := os.Stat(dest); err == nil {
						t.Error("the destination is there")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got, _ := os.ReadFile(dest)
				if !bytes.Equal(got, o.content) {
					t.Error("wrong bytes")
				}
				if result.Fetched > tt.most {
					t.Errorf("fetched %d bytes, want at most %d", result.Fetched, tt.most)
				}
				if (result.Resumed > 0) != tt.resumed {
					t.Errorf("resumed %d bytes, want some: %t", result.Resumed, tt.resumed)
				}
				left, _ := filepath.Glob(state + "/*")
				if len(left) != 1 || !strings.HasSuffix(left[0], ".receipt") {
					t.Errorf("left: %q", left)
				}
			})
		}
	}
}
