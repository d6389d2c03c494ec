package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch/source"
)

// readAll returns the bytes of an object, from an offset on.
func readAll(t *testing.T, o source.Object, off, n int64) (*source.Part, string, error) {
	t.Helper()
	part, err := o.Source.Open(t.Context(), off, n, "")
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = part.Body.Close() }()
	b, err := io.ReadAll(part.Body)
	return part, string(b), err
}

// TestContentEncoding passes words that compress nothing, and reports the others: the
// caller knows whether a digest can decide.
func TestContentEncoding(t *testing.T) {
	t.Parallel()
	for coding, want := range map[string]string{
		"aws-chunked": "", "UTF-8": "", "utf-8, identity": "", "binary": "", "none": "", "aws-chunked,": "", "": "", "null": "", "base64": "",
		"gzip": "gzip", "aws-chunked, GZIP": "gzip", "br": "br", "zstd": "zstd", "deflate": "deflate", "x-gzip": "x-gzip",
	} {
		o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello"))
		})
		part, got, err := readAll(t, o, 0, source.Whole)
		if err != nil || part.Encoding != want || got != "hello" {
			t.Errorf("%q: %q, %+v, %v; want the encoding %q", coding, got, part, err, want)
		}
	}
}

// TestTransformed drops the digests of what the bytes were made of.
func TestTransformed(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string]string{
		"whole":                        {},
		"stored as sent":               {"X-Goog-Stored-Content-Encoding": "gzip", "Content-Encoding": "gzip"},
		"stored without encoding":      {"X-Goog-Stored-Content-Encoding": "identity"},
		"dropped: decompressed":        {"X-Goog-Stored-Content-Encoding": "gzip"},
		"dropped: said to be":          {"Warning": `214 UploadServer "gunzipped"`},
		"dropped: changed by a proxy":  {"Status": "203"},
		"another warning, whole bytes": {"Warning": `110 cache "stale"`},
	} {
		o := open(t, "/x", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Goog-Hash", "md5=XUFAKrxLKna5cZ2REBfFkg==")
			for key, value := range header {
				w.Header().Set(key, value)
			}
			if header["Status"] != "" {
				w.WriteHeader(http.StatusNonAuthoritativeInfo)
			}
			_, _ = w.Write([]byte("hello"))
		})
		part, got, err := readAll(t, o, 0, 5)
		if err != nil || got != "hello" || (len(part.Digests) == 0) != strings.HasPrefix(name, "dropped") {
			t.Errorf("%s: %q, %+v, %v", name, got, part, err)
		}
	}
}

// TestRangeRefused asks once without a range where the answer may be to the range alone.
func TestRangeRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 405, 406, 416, 500, 501} {
		for _, content := range []string{"", "hello"} {
			var requests atomic.Int64
			o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Header.Get("Range") != "" {
					w.WriteHeader(status)
					return
				}
				_, _ = w.Write([]byte(content))
			})
			part, got, err := readAll(t, o, 0, source.ToEnd)
			if err != nil || got != content || part.Ranged || part.Size != int64(len(content)) {
				t.Errorf("%d for the range: %q, %+v, %v", status, got, part, err)
			}
			if n := requests.Load(); status != 500 && n != 2 {
				t.Errorf("%d for the range: %d requests", status, n)
			}
			if _, err := o.Source.Stat(t.Context()); err != nil {
				t.Errorf("%d for the range: stat: %v", status, err)
			}
			if _, _, err := readAll(t, o, 3, 2); content != "" && !errors.Is(err, source.ErrNoRange) {
				t.Errorf("%d for a range in the middle: %v, want %v", status, err, source.ErrNoRange)
			}
		}
	}
}

// TestRefused is not to be taken for a refused range: not what is refused without one too,
// nor by a server that has sent one.
func TestRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	o := open(t, "/x", func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusForbidden)
	})
	if _, _, err := readAll(t, o, 0, 5); !source.IsPermanent(err) || !strings.Contains(err.Error(), "403") || requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
	refuse := false
	o = open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if refuse {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, 10)))
	})
	if _, _, err := readAll(t, o, 0, 5); err != nil {
		t.Fatal(err)
	}
	refuse = true
	requests.Store(0)
	if _, _, err := readAll(t, o, 5, 5); !source.IsPermanent(err) || requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

// TestLateAnswer needs longer than requests are waited for: the first one is not given up.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	o := openWith(t, &source.Network{HeaderWait: 20 * time.Millisecond}, "/x", func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 1 { // only the first is ever answered
			<-r.Context().Done()
			return
		}
		for requests.Load() < 4 {
			time.Sleep(time.Millisecond)
		}
		_, _ = w.Write([]byte("hello"))
	})
	if _, got, err := readAll(t, o, 0, source.Whole); got != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestDeadConnection has a first request that is never answered.
func TestDeadConnection(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	o := openWith(t, &source.Network{HeaderWait: 20 * time.Millisecond}, "/x", func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) < 4 {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte("hello"))
	})
	if _, got, err := readAll(t, o, 0, source.Whole); got != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestNeverAnswered ends with its context.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	o := openWith(t, &source.Network{HeaderWait: time.Millisecond}, "/x", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := o.Source.Open(ctx, 0, 5, ""); err == nil {
		t.Error("an answer")
	}
}
