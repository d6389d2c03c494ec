package fetch_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
)

// TestEndless fetches from a server that never stops sending: what may be written ends it, and
// nothing is left.
func TestEndless(t *testing.T) {
	t.Parallel()
	block := make([]byte, 64<<10)
	o := newOrigin(t, nil, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
	})
	for _, tt := range []struct {
		name, dest string
		fetcher    *fetch.Fetcher
		want       string
	}{
		{"a limit of the disk", "model.bin", &fetch.Fetcher{DiskLimit: 5 << 20}, "of ephemeral storage left"},
		{"a maximum", "model.bin", &fetch.Fetcher{MaxSize: 5 << 20}, "and the maximum is 5.0 MiB"},
		{"a maximum, to the standard output", "-", &fetch.Fetcher{MaxSize: 5 << 20}, "and the maximum is 5.0 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			tt.fetcher.Stdout = &out
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: tt.dest}
			if tt.dest != "-" {
				file.Dest = filepath.Join(t.TempDir(), tt.dest)
			}
			_, err := run(t, tt.fetcher, file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("err = %v, want %q", err, tt.want)
			}
			if _, ok := errors.AsType[*fetch.LocalError](err); !ok {
				t.Errorf("%v: another source would not help", err)
			}
			left, _ := filepath.Glob(stateOf(file.Dest) + "/*")
			if _, err := os.Lstat(file.Dest); tt.dest != "-" && (err == nil || len(left) > 0) {
				t.Errorf("left: %q, %v", left, err)
			}
			if out.Len() > 5<<20 {
				t.Errorf("%d bytes were passed on", out.Len())
			}
		})
	}
}

// TestMaxSize fetches files that have as many bytes as they may have, and one more.
func TestMaxSize(t *testing.T) {
	t.Parallel()
	for size, ok := range map[int]bool{3 << 20: true, 3<<20 + 1: false} {
		b := content(size)
		o := newOrigin(t, b, nil)
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
		if _, err := run(t, &fetch.Fetcher{MaxSize: 3 << 20}, file); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
		if _, err := os.Lstat(file.Dest); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
