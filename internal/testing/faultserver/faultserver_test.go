package faultserver_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/faultserver"
)

func TestContentIsTheSameAtEachOffset(t *testing.T) {
	t.Parallel()
	c := faultserver.Content{Size: 1001, Seed: 7}
	all := c.All()
	for off := range all {
		for _, n := range []int{1, 7, 8, 9, 100} {
			b := make([]byte, n)
			got, err := c.ReadAt(b, int64(off))
			want := all[off:min(off+n, len(all))]
			if !bytes.Equal(b[:got], want) || (err == nil) != (got == n) {
				t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, got, err)
			}
		}
	}
	if c.SHA256() != sha256.Sum256(all) {
		t.Error("wrong digest")
	}
	if bytes.Equal(all, faultserver.Content{Size: 1001, Seed: 8}.All()) {
		t.Error("another seed gives the same bytes")
	}
	if n, err := (faultserver.Content{Size: 8 << 30}).ReadAt(make([]byte, 10), 8<<30-5); n != 5 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end of 8 GiB: %d, %v", n, err)
	}
}

func TestAnswersAreRight(t *testing.T) {
	t.Parallel()
	s := &faultserver.Server{
		Content: faultserver.Content{Bytes: []byte("0123456789")},
		Files:   map[string]faultserver.Content{"/SHA256SUMS": {Bytes: []byte("sums")}},
	}
	client := start(t, s)
	resp := do(t, client, http.MethodHead, s.URL(), "", "")
	tag, date := resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
	if resp.ContentLength != 10 || tag == "" || strings.HasPrefix(tag, "W/") || date == "" {
		t.Errorf("HEAD: %v", resp.Header)
	}
	for _, row := range []struct {
		method, span, condition string
		status                  int
		body, contentRange      string
	}{
		{"GET", "", "", 200, "0123456789", ""},
		{"GET", "bytes=0-0", "", 206, "0", "bytes 0-0/10"},
		{"GET", "bytes=2-4", "", 206, "234", "bytes 2-4/10"},
		{"GET", "bytes=7-", "", 206, "789", "bytes 7-9/10"},
		{"GET", "bytes=7-99", "", 206, "789", "bytes 7-9/10"},
		{"GET", "bytes=-2", "", 206, "89", "bytes 8-9/10"},
		{"GET", "bytes=10-", "", 416, "416 Requested Range Not Satisfiable\n", "bytes */10"},
		{"GET", "bytes=3-2", "", 200, "0123456789", ""},
		{"GET", "bytes=0-1,4-5", "", 200, "0123456789", ""},
		{"GET", "bytes=1-1", "If-Range: " + tag, 206, "1", "bytes 1-1/10"},
		{"GET", "bytes=1-1", "If-Range: \"other\"", 200, "0123456789", ""},
		{"GET", "bytes=1-1", "If-Range: W/" + tag, 200, "0123456789", ""},
		{"GET", "bytes=1-1", "If-Range: " + date, 206, "1", "bytes 1-1/10"},
		{"GET", "bytes=1-1", "If-Range: Sat, 01 Jan 2000 00:00:00 GMT", 200, "0123456789", ""},
		{"GET", "bytes=1-1", "If-Match: " + tag, 206, "1", "bytes 1-1/10"},
		{"GET", "", "If-Match: \"other\", " + tag, 200, "0123456789", ""},
		{"GET", "", "If-Match: \"other\"", 412, "412 Precondition Failed\n", ""},
		{"GET", "", "If-None-Match: W/" + tag, 304, "", ""},
		{"GET", "", "If-Modified-Since: " + date, 304, "", ""},
		{"GET", "", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 412, "412 Precondition Failed\n", ""},
		{"POST", "", "", 405, "405 Method Not Allowed\n", ""},
	} {
		resp := do(t, client, row.method, s.URL(), row.span, row.condition)
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != row.status || string(body) != row.body || resp.Header.Get("Content-Range") != row.contentRange {
			t.Errorf("%+v: %d %q %q, %v", row, resp.StatusCode, body, resp.Header.Get("Content-Range"), err)
		}
	}
	if got, err := faultserver.Naive(t.Context(), client, s.Path("/SHA256SUMS"), nil); err != nil || string(got) != "sums" {
		t.Errorf("another file: %q, %v", got, err)
	}
}

func do(t *testing.T, client *http.Client, method, url, span, condition string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", span)
	if span == "" {
		req.Header.Del("Range")
	}
	if name, value, ok := strings.Cut(condition, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 3}}
	f, _ := faultserver.Find("status-503")
	f.Times, f.Skip = 1, 1
	s.Inject(f)
	client := start(t, s)
	if _, err := faultserver.NaiveRanges(t.Context(), client, s.URL(), nil); err != nil {
		t.Fatal(err)
	}
	var asked, struck []string
	for _, r := range s.Requests() {
		asked = append(asked, r.Method+" "+r.Range)
		struck = append(struck, r.Struck...)
		if r.Host != s.Host() || r.URL != "/model.bin" || r.Conn == 0 || r.Remote == "" || r.Status == 206 && r.Sent != r.Span.Len() {
			t.Errorf("%+v", r)
		}
	}
	slices.Sort(asked)
	want := []string{"GET bytes=0-1048575", "GET bytes=1048576-2097151", "GET bytes=2097152-3145727", "HEAD "}
	if !slices.Equal(asked, want) || !slices.Equal(struck, []string{"status-503"}) {
		t.Errorf("asked %q, struck %q", asked, struck)
	}
	if stats := s.Stats(); stats.Requests != 4 || stats.Conns < 1 || stats.PeakConns > 4 || stats.Sent < 4321 || stats.Sent > testSize {
		t.Errorf("%+v", stats)
	}
}

func TestFaultsMix(t *testing.T) {
	t.Parallel()
	s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 3}}
	var injections []*faultserver.Injection
	for name, at := range map[string]int64{"cut": 300000, "reset": 800000, "flipped": 2 << 20} {
		f, _ := faultserver.Find(name)
		f.Times, f.At = 1, at
		injections = append(injections, s.Inject(f))
	}
	client := start(t, s)
	got, err := faultserver.NaiveResume(t.Context(), client, s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := s.Want().All()
	want[2<<20] ^= 1
	if !bytes.Equal(got, want) {
		t.Error("wrong bytes")
	}
	for _, i := range injections {
		if i.Fired() != 1 {
			t.Errorf("%s has struck %d times", i.Fault(), i.Fired())
		}
	}
	if len(faultserver.Mixable()) < 20 {
		t.Error("few faults can be mixed")
	}
}

func TestCutAfter(t *testing.T) {
	t.Parallel()
	s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 3}, CutAfter: 1 << 20}
	client := start(t, s)
	got, err := faultserver.NaiveResume(t.Context(), client, s.URL(), nil)
	if err != nil || !bytes.Equal(got, s.Want().All()) || s.Stats().Conns != 3 {
		t.Errorf("%d bytes, %d connections, %v", len(got), s.Stats().Conns, err)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		s := &faultserver.Server{Content: faultserver.Content{Size: 3 << 20, Seed: 3}, Rate: 4 << 20, TLS: tls}
		client := start(t, s)
		begun := time.Now()
		if _, err := faultserver.Naive(t.Context(), client, s.URL(), nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 400*time.Millisecond {
			t.Errorf("3 MiB at 4 MiB/s took %v", took)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, name := range []string{"stall", "drip", "no-head", "no-handshake", "address-drops", "tunnel-cut", "chain", "link-local"} {
		f, _ := faultserver.Find(name)
		s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 1}}
		s.Inject(f)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := s.Client()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = f.Naive(t.Context(), client, s.URL(), nil)
		}()
		select {
		case <-done:
		case <-time.After(100 * time.Millisecond):
		}
		s.Close()
		s.Close()
		if name != "address-drops" { // nobody is there who could end it
			<-done
		}
		client.CloseIdleConnections()
		if c, err := net.Dial("tcp", strings.TrimPrefix(s.Path(""), "http://")); err == nil {
			_ = c.Close()
			t.Errorf("%s: still listens", name)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			b := make([]byte, 1<<16)
			t.Fatalf("%d goroutines more: %s", runtime.NumGoroutine()-before, b[:runtime.Stack(b, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}
