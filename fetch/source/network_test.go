package source_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/redact"
)

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := redact.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://host/x": "", "https://host/x": "",
		"s3://b/k": "", "file:///x": "",
		"ftp://host/x":  `want an http, https, hf, s3, gs, az, oci or file URL, not "ftp"`,
		"s3a://b/k":     `want an http, https, hf, s3, gs, az, oci or file URL, not "s3a": write s3://BUCKET/KEY`,
		"x":             "want an http, https, hf, s3, gs, az, oci or file URL, not another: a path begins with /, ./ or ../",
		"file://host/x": "a file URL names no host: want file:///PATH",
		"file:///x?y":   "a file URL has no query and no fragment: write ? as %3F and # as %23",
		"http:///x":     "the URL has no host",
	} {
		err := source.Check(parse(t, raw))
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	if source.Check(nil) == nil {
		t.Error("no URL is fine")
	}
}

// open returns the object that a server has at a path.
func open(t *testing.T, path string, h http.HandlerFunc) source.Object {
	t.Helper()
	return openWith(t, &source.Network{}, path, h)
}

func openWith(t *testing.T, n *source.Network, path string, h http.HandlerFunc) source.Object {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return resolve(t, n, server.URL+path)
}

// resolve returns the object of a URL.
func resolve(t *testing.T, n *source.Network, raw string) source.Object {
	t.Helper()
	u := parse(t, raw)
	r, err := n.Resolver(u, source.Credentials{URL: u}, nil)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := r.Resolve(t.Context(), u)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	return objects[0]
}

// TestNames holds that a name shows no secret, and that a web URL means one file.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/models/v2.bin?token=s3cr3t", "/", "", "/a/.."} {
		o := open(t, path, func(http.ResponseWriter, *http.Request) {})
		if o.Name != "" || strings.Contains(o.Source.Name(), "s3cr3t") || o.Size != -1 {
			t.Errorf("%s: %+v, shown as %s", path, o, o.Source.Name())
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	b := []byte("hello, world")
	o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	})
	for _, tt := range []struct {
		off, n     int64
		start, end int64
		ranged     bool
	}{
		{0, source.Whole, 0, 12, false},
		{0, 5, 0, 5, true},
		{7, source.ToEnd, 7, 12, true},
	} {
		part, err := o.Source.Open(t.Context(), tt.off, tt.n, `"v1"`)
		if err != nil {
			t.Fatal(err)
		}
		_ = part.Body.Close()
		if part.Start != tt.start || part.End != tt.end || part.Ranged != tt.ranged || part.Size != 12 || part.Validator != `"v1"` {
			t.Errorf("%d bytes from %d on: %+v", tt.n, tt.off, part)
		}
	}
	if _, err := o.Source.Open(t.Context(), 0, 5, `"v0"`); !errors.Is(err, source.ErrChanged) {
		t.Errorf("another validator: %v, want %v", err, source.ErrChanged)
	}
	info, err := o.Source.Stat(t.Context())
	if err != nil || info.Size != 12 || info.Validator != `"v1"` {
		t.Errorf("stat: %+v, %v", info, err)
	}
}

// TestOpenErrors says what a caller can do about an error.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	status := 0
	o := open(t, "/x", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	})
	status = http.StatusNotFound
	if _, err := o.Source.Open(t.Context(), 0, 5, ""); !source.IsPermanent(err) {
		t.Errorf("404: %v, want it permanent", err)
	}
	status = http.StatusTooManyRequests
	_, err := o.Source.Open(t.Context(), 0, 5, "")
	if throttled, ok := errors.AsType[*source.ThrottleError](err); !ok || throttled.After != 7*time.Second {
		t.Errorf("429: %v, want a pause of 7 s", err)
	}
	status = http.StatusOK
	if _, err := o.Source.Open(t.Context(), 3, 5, ""); !errors.Is(err, source.ErrNoRange) {
		t.Errorf("200 for a range: %v, want %v", err, source.ErrNoRange)
	}
}
