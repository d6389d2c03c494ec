package fetch_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// islands returns how many units a journal has that do not follow on the first
// byte.
func islands(t *testing.T, journal string) int {
	t.Helper()
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	units := map[int]bool{}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "have" {
			u, _ := strconv.Atoi(fields[1])
			units[u] = true
		}
	}
	prefix := 0
	for units[prefix] {
		prefix++
	}
	return len(units) - prefix
}

// withIslands interrupts a transfer until it leaves pieces that do not follow on the first
// byte: on a busy machine some have none.
func withIslands(t *testing.T, o *origin, file fetch.File) {
	t.Helper()
	for range 50 {
		interrupted(t, o, file)
		if islands(t, only(t, filepath.Join(stateOf(file.Dest), "*.journal"))) > 0 {
			return
		}
		if err := os.RemoveAll(stateOf(file.Dest)); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("there are no islands to go wrong with")
}

// changing serves as next does until it is told to serve as later does.
type changing struct {
	later atomic.Pointer[http.HandlerFunc]
}

func (c *changing) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if later := c.later.Load(); later != nil {
			(*later)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *changing) become(h http.HandlerFunc) { c.later.Store(&h) }

// TestIslands goes on with a partial file that has units far from its beginning,
// at a server that no longer begins in the middle. One stream then brings all that
// follows the first gap: what is beyond must be of the same version, or not count.
func TestIslands(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	other := append([]byte("changed"), b[7:]...)
	other[20<<20] ^= 1
	for _, tt := range []struct {
		name string
		tag  string
		now  []byte
		cut  int64 // bytes after which each answer ends; zero: never
	}{
		{"the same version", `"v1"`, b, 0},
		{"another version", `"v2"`, other, 0},
		{"another version, without a tag", "", other, 0},
		{"the same version, cut again and again", `"v1"`, b, 9 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c changing
			o := newOrigin(t, b, c.wrap)
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
			withIslands(t, o, file)
			var answers atomic.Int64
			c.become(func(w http.ResponseWriter, _ *http.Request) {
				if tt.tag != "" {
					w.Header().Set("ETag", tt.tag)
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(tt.now)))
				send := tt.now
				if tt.cut > 0 && answers.Add(1) <= 2 {
					send = send[:tt.cut]
				}
				_, _ = w.Write(send)
			})
			if _, err := run(t, &fetch.Fetcher{RetryMaxWait: 100 * time.Millisecond}, file); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, tt.now) {
				t.Error("WRONG BYTES")
			}
		})
	}
}

// TestDates goes on at a server that tells versions apart by their date alone. A
// date of the same minute does not: the file may change again within its second.
func TestDates(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	changed := append([]byte("changed"), b[7:]...)
	for _, tt := range []struct {
		name    string
		age     time.Duration
		now     []byte
		resumed bool
	}{
		{"an old date", time.Hour, b, true},
		{"a fresh date", 0, b, false},
		{"a fresh date, and another version in the same second", 0, changed, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			modified := time.Now().Add(-tt.age).Truncate(time.Second)
			serve := func(b []byte) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					http.ServeContent(w, r, "", modified, bytes.NewReader(b))
				}
			}
			var c changing
			o := newOrigin(t, b, c.wrap)
			c.become(serve(b))
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
			interrupted(t, o, file)
			c.become(serve(tt.now))
			result, err := run(t, &fetch.Fetcher{}, file)
			if err != nil || (result.Resumed > 0) != tt.resumed {
				t.Errorf("%+v, %v; want some resumed: %t", result, err, tt.resumed)
			}
			if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, tt.now) {
				t.Error("WRONG BYTES")
			}
		})
	}
}

// TestUntoldSize goes on at a server that no longer tells the size of the file in
// its answers for parts (RFC 9110, section 14.4: an asterisk).
func TestUntoldSize(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	for _, tag := range []string{`"v1"`, `"v2"`} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			var c changing
			o := newOrigin(t, b, c.wrap)
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
			interrupted(t, o, file)
			now := b
			if tag != `"v1"` {
				now = append([]byte("longer"), b...)
			}
			c.become(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", tag)
				var from, to int
				n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
				if n != 2 || r.Header.Get("If-Range") != "" && r.Header.Get("If-Range") != tag {
					_, _ = w.Write(now)
					return
				}
				to = min(to, len(now)-1)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", from, to))
				w.Header().Set("Content-Length", strconv.Itoa(to-from+1))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(now[from : to+1])
			})
			result, err := run(t, &fetch.Fetcher{}, file)
			if err != nil || (result.Resumed > 0) != (tag == `"v1"`) {
				t.Errorf("%+v, %v", result, err)
			}
			if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, now) {
				t.Error("WRONG BYTES")
			}
		})
	}
}

// TestTurns fetches a small file beside a large one, over one connection: it does
// not wait for all of it.
func TestTurns(t *testing.T) {
	t.Parallel()
	large, small := content(24<<20), content(1<<20)
	o := newOrigin(t, large, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/small" {
				w.Header().Set("ETag", `"small"`)
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(small))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	f := &fetch.Fetcher{Connections: 1, RateLimit: 24 << 20}
	open := func(name string) *fetch.Transfer {
		tr, err := f.Open(fetch.File{URL: parse(t, o.URL+"/"+name), Dest: filepath.Join(t.TempDir(), name)})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	first, second := open("large"), open("small")
	done := make(chan error, 1)
	go func() {
		_, err := first.Run(t.Context())
		done <- err
	}()
	for first.Status().Done == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := second.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := first.Status().Done; n > int64(len(large))/2 {
		t.Errorf("the small file had to wait until %d bytes of the large one were there", n)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
