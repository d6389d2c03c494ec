package fetch_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestStateOfOthers fetches a file whose name is how the name of another begins:
// the state of that one stays.
func TestStateOfOthers(t *testing.T) {
	t.Parallel()
	b := content(3 << 20)
	o := newOrigin(t, b, nil)
	folder := t.TempDir()
	other := fetch.File{URL: parse(t, o.URL+"/model.tar"), Dest: filepath.Join(folder, "model.tar"), Digest: digestOf(b)}
	interrupted(t, o, other)
	left := only(t, filepath.Join(stateOf(other.Dest), "*.part"))
	if _, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, o.URL+"/model"), Dest: filepath.Join(folder, "model"), Digest: digestOf(b)}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Error(err)
	}
}

// A midway calls a function when so many bytes of a body are written.
type midway struct {
	http.ResponseWriter
	left int
	then func()
}

func (m *midway) Write(b []byte) (int, error) {
	n, err := m.ResponseWriter.Write(b)
	if m.left > 0 && m.left <= n {
		m.then()
	}
	m.left -= n
	return n, err
}

// takeAway removes the state of a transfer as soon as it has a partial file.
func takeAway(dest string) {
	for range 30_000 { // half a minute at the least
		if parts, _ := filepath.Glob(filepath.Join(stateOf(dest), "*.part")); len(parts) > 0 {
			_ = os.RemoveAll(filepath.Join(filepath.Dir(dest), ".inith"))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestPartTakenAway removes the partial file from under a transfer, as a process
// does that sees no lock: what was verified gets to the destination.
func TestPartTakenAway(t *testing.T) {
	t.Parallel()
	b := content(9 << 20)
	dest := filepath.Join(t.TempDir(), "model.bin")
	var once sync.Once
	o := newOrigin(t, b, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&midway{ResponseWriter: w, left: 1 << 20, then: func() { once.Do(func() { takeAway(dest) }) }}, r)
		})
	})
	if _, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: dest, Digest: digestOf(b), Mode: 0o640}); err != nil {
		t.Fatal(err)
	}
	once.Do(func() { t.Error("nothing was taken away") })
	got, err := os.ReadFile(dest)
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("wrong bytes (%v)", err)
	}
	if stat, err := os.Stat(dest); err != nil || stat.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", stat.Mode(), err)
	}
	only(t, filepath.Join(stateOf(dest), "*"))
	o.calls.Store(0)
	if again, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: dest}); err != nil || !again.Skipped || o.calls.Load() != 1 {
		t.Errorf("second run: skipped %t after %d calls, %v", again.Skipped, o.calls.Load(), err)
	}
}
