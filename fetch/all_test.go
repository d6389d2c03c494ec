package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestAllDestinations refuses files of which one would replace another, before the first
// request.
func TestAllDestinations(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, content(10), nil)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dests []string
		want  string // of the error; "": none
	}{
		{[]string{"a", "./a"}, `two files have the destination "a"`},
		{[]string{"a", filepath.Join(here, "a")}, "two files have the destination"},
		{[]string{"a/b", "a"}, `the destination "a/b" is inside of another one, "a"`},
		{[]string{"a", "b", "a/b/c/d"}, `the destination "a/b/c/d" is inside of another one, "a"`},
		{[]string{"a", "ab", "c/a"}, ""},
	} {
		var files []fetch.File
		for _, dest := range tt.dests {
			files = append(files, fetch.File{URL: parse(t, o.URL+"/x"), Dest: dest, Extract: dest == "a"})
		}
		_, err := (&fetch.Fetcher{}).OpenAll(files)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: err = %v, want %q", tt.dests, err, tt.want)
		}
	}
	if o.calls.Load() > 0 {
		t.Errorf("%d requests", o.calls.Load())
	}
}

// TestAll fetches more files than it may at the same time.
func TestAll(t *testing.T) {
	t.Parallel()
	const count, atOnce = 150, 64
	var now, most atomic.Int64
	b := content(1000)
	o := newOrigin(t, b, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Millisecond)
			next.ServeHTTP(w, r)
		})
	})
	dir := t.TempDir()
	var files []fetch.File
	for i := range count {
		files = append(files, fetch.File{URL: parse(t, fmt.Sprintf("%s/%d", o.URL, i)), Dest: filepath.Join(dir, fmt.Sprint(i)), Digest: digestOf(b)})
	}
	results, err := (&fetch.Fetcher{Connections: 1000}).All(t.Context(), files)
	if err != nil || len(results) != count || most.Load() > atOnce {
		t.Fatalf("%d results, %v; %d requests at once", len(results), err, most.Load())
	}
	for i, r := range results {
		if got, _ := os.ReadFile(r.Path); filepath.Base(r.Path) != fmt.Sprint(i) || !bytes.Equal(got, b) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

// TestAllEndsWithTheFirstFailure has one file fail while another never comes.
func TestAllEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, content(10), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/never" {
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	dir := t.TempDir()
	_, err := (&fetch.Fetcher{}).All(t.Context(), []fetch.File{
		{URL: parse(t, o.URL+"/never"), Dest: filepath.Join(dir, "never")},
		{URL: parse(t, o.URL+"/x"), Dest: filepath.Join(dir, "x"), Digest: digestOf(content(11))},
	})
	if _, mismatch := errors.AsType[*fetch.DigestError](err); !mismatch {
		t.Errorf("err = %v, want a digest mismatch", err)
	}
}
