package fetch_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// A tooMany is what a server does to a request too many.
type tooMany struct {
	name string
	do   http.HandlerFunc
}

func refusals() []tooMany {
	all := []tooMany{{"reset", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}}}
	for _, code := range []int{403, 404, 429, 500, 503} {
		all = append(all, tooMany{strconv.Itoa(code), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }})
	}
	return all
}

// A crowd answers a few requests at the same time and refuses others, as nginx does with
// limit_conn, or one in total, as with limit_req. Of a few in total, the last may be spent on a part that a busy machine is slow to read.
type crowd struct {
	most, total   int // negative: any number
	mu            sync.Mutex
	active, asked int
	peak          int // requests at the same time that were answered
	refused       atomic.Int64
}

func (c *crowd) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most >= 0 && c.active >= c.most || c.total >= 0 && c.asked >= c.total {
		c.refused.Add(1)
		return false
	}
	c.active, c.asked = c.active+1, c.asked+1
	c.peak = max(c.peak, c.active)
	return true
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active--
}

// guard refuses what is too much, and slows down what is answered, so that others come meanwhile.
func (c *crowd) guard(refuse http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !c.enter() {
				refuse(w, r)
				return
			}
			defer c.leave()
			next.ServeHTTP(&slowWriter{w, time.NewTicker(5 * time.Millisecond)}, r)
		})
	}
}

// A slowWriter writes at most 32 KiB at a tick.
type slowWriter struct {
	http.ResponseWriter
	tick *time.Ticker
}

func (s *slowWriter) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		<-s.tick.C
		var m int
		m, err = s.ResponseWriter.Write(b[n:min(len(b), n+32<<10)])
		n += m
	}
	return n, err
}

// TestFewConnections holds that a refusal while another connection delivers means fewer
// connections, whatever the server calls it.
func TestFewConnections(t *testing.T) {
	t.Parallel()
	b := content(9 << 20)
	for _, refuse := range refusals() {
		for _, c := range []*crowd{{most: 1, total: -1}, {most: 2, total: -1}, {most: -1, total: 1}} {
			t.Run(fmt.Sprintf("%s, %d at a time, %d in total", refuse.name, c.most, c.total), func(t *testing.T) {
				t.Parallel()
				o := newOrigin(t, b, c.guard(refuse.do))
				file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
				result, err := run(t, &fetch.Fetcher{RetryMaxWait: 100 * time.Millisecond}, file)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
					t.Error("WRONG BYTES")
				}
				if c.refused.Load() == 0 {
					t.Error("nothing was refused")
				}
				if c.most > 0 && c.peak != c.most || result.Fetched > int64(len(b)) {
					t.Errorf("%d connections at most, %+v", c.peak, result)
				}
			})
		}
	}
}

// TestFewConnectionsForManyFiles has a server that answers two requests at a time for five
// files: all come. A file that is really refused fails, also beside another one that comes.
func TestFewConnectionsForManyFiles(t *testing.T) {
	t.Parallel()
	b := content(2 << 20)
	forbid := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	c := &crowd{most: 2, total: -1}
	o := newOrigin(t, b, func(next http.Handler) http.Handler {
		guarded := c.guard(forbid)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/forbidden") {
				forbid(w, r)
				return
			}
			guarded.ServeHTTP(w, r)
		})
	})
	dir := t.TempDir()
	var files []fetch.File
	for i := range 5 {
		files = append(files, fetch.File{URL: parse(t, fmt.Sprintf("%s/%d", o.URL, i)), Dest: fmt.Sprintf("%s/%d", dir, i)})
	}
	if _, err := (&fetch.Fetcher{}).All(t.Context(), files); err != nil {
		t.Error(err)
	}
	if c.refused.Load() == 0 {
		t.Error("nothing was refused")
	}
	sums := digestOf(b).Hex + "\n"
	listed := newOrigin(t, []byte(sums), c.guard(forbid)) // the same limit, for the lists too
	for i := range files {
		files[i].Verify, files[i].SumsURL = true, parse(t, listed.URL+"/SUMS")
	}
	if _, err := (&fetch.Fetcher{}).All(t.Context(), files); err != nil {
		t.Errorf("with lists: %v", err)
	}
	files = append(files[:2], fetch.File{URL: parse(t, o.URL+"/forbidden"), Dest: dir + "/forbidden"})
	for i := range files {
		files[i].Verify = true
	}
	if _, err := (&fetch.Fetcher{}).All(t.Context(), files); err == nil || !strings.Contains(err.Error(), "/forbidden: answered status 403") {
		t.Errorf("err = %v, want that of the forbidden file", err)
	}
}

// TestFirstConnections has a server that answers only when there is a request for each file, or as many as connections are
// allowed.
func TestFirstConnections(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 5, 0} {
		t.Run(fmt.Sprintf("at most %d", most), func(t *testing.T) {
			t.Parallel()
			want := cmp.Or(most, fetch.DefaultConnections)
			var arrived atomic.Int64
			all := make(chan struct{})
			o := newOrigin(t, []byte("hello"), func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if arrived.Add(1) == int64(want) {
						close(all)
					}
					select {
					case <-all:
						next.ServeHTTP(w, r)
					case <-r.Context().Done():
					}
				})
			})
			var files []fetch.File
			for i := range 2 * fetch.DefaultConnections {
				name := strconv.Itoa(i)
				files = append(files, fetch.File{URL: parse(t, o.URL+"/"+name), Dest: filepath.Join(t.TempDir(), name)})
			}
			if _, err := (&fetch.Fetcher{Connections: most, StallTimeout: 30 * time.Second}).All(t.Context(), files); err != nil {
				t.Errorf("with %d requests: %v", arrived.Load(), err)
			}
		})
	}
}

// TestOnlyStream fetches from a server that knows no ranges, and sends little after a burst,
// with a pause that is longer than others may have. One request is all.
func TestOnlyStream(t *testing.T) {
	t.Parallel()
	b := content(2<<20 + 300)
	for _, dest := range []string{"model.bin", "-"} {
		t.Run(dest, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, b, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Length", strconv.Itoa(len(b)))
					_, _ = w.Write(b[:2<<20])
					for rest := b[2<<20:]; len(rest) > 0; rest = rest[100:] {
						_ = http.NewResponseController(w).Flush()
						time.Sleep(1100 * time.Millisecond)
						_, _ = w.Write(rest[:100])
					}
				})
			})
			var asked atomic.Int64
			inner := o.Config.Handler
			o.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				inner.ServeHTTP(w, r)
			})
			var out bytes.Buffer
			f := &fetch.Fetcher{IdleTimeout: 700 * time.Millisecond, Stdout: &out}
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: dest, Digest: digestOf(b)}
			if dest != "-" {
				file.Dest = filepath.Join(t.TempDir(), dest)
			}
			result, err := run(t, f, file)
			if err != nil || result.Retries > 0 || asked.Load() != 1 {
				t.Errorf("%+v, %v after %d requests; want one", result, err, asked.Load())
			}
		})
	}
}

// TestProgressStaysWithinTheFile has all bytes come twice: the first time with another digest.
func TestProgressStaysWithinTheFile(t *testing.T) {
	t.Parallel()
	b := content(3 << 20)
	wrong := append([]byte("wrong"), b[5:]...)
	var first atomic.Bool
	o := newOrigin(t, b, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !first.Swap(true) {
				w.Header().Set("Content-Length", strconv.Itoa(len(wrong)))
				_, _ = w.Write(wrong)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	tr, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "x"), Digest: digestOf(b)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := tr.Status(); s.Done != s.Size || s.Fetched != 2*s.Size {
		t.Errorf("%d of %d bytes, %d fetched", s.Done, s.Size, s.Fetched)
	}
}
