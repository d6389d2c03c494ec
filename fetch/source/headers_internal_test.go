package source

import (
	"net/http"
	"testing"
	"time"
)

func TestParseContentRange(t *testing.T) {
	for _, tt := range []struct {
		s                string
		start, end, size int64
		ok               bool
	}{
		{"bytes 0-99/1000", 0, 100, 1000, true},
		{"bytes 999-999/1000", 999, 1000, 1000, true},
		{"bytes 0-99/*", 0, 100, -1, true},
		{"bytes */1000", 0, 0, 0, false},
		{"bytes 5-4/1000", 0, 0, 0, false},
		{"bytes 0-1000/1000", 0, 0, 0, false},
		{"bytes -5-9/10", 0, 0, 0, false},
		{"0-99/1000", 0, 0, 0, false},
		{"items 0-99/1000", 0, 0, 0, false},
		{"bytes 0-99", 0, 0, 0, false},
		{"", 0, 0, 0, false},
	} {
		start, end, size, ok := parseContentRange(tt.s)
		if ok != tt.ok || ok && (start != tt.start || end != tt.end || size != tt.size) {
			t.Errorf("%q: %d-%d/%d, %t", tt.s, start, end, size, ok)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"2": 2 * time.Second, "86400": 24 * time.Hour, "-1": 0, "soon": 0, "": 0, "99999999999999999999": 0,
		"Mon, 23 Nov 2026 10:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestValidator(t *testing.T) {
	const date, old, fresh = "Mon, 23 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 2026 09:00:00 GMT", "Mon, 23 Nov 2026 09:59:30 GMT"
	for _, tt := range []struct {
		header http.Header
		want   string
	}{
		{http.Header{"Etag": {`"x"`}, "Date": {date}, "Last-Modified": {old}}, `"x"`},
		{http.Header{"Etag": {`W/"x"`}, "Date": {date}, "Last-Modified": {old}}, old},
		{http.Header{"Etag": {`W/"x"`}, "Date": {date}, "Last-Modified": {fresh}}, ""},
		{http.Header{"Date": {date}, "Last-Modified": {old}}, old},
		{http.Header{"Last-Modified": {old}}, ""},
		{http.Header{}, ""},
	} {
		if got := validator(tt.header); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestServerDigests(t *testing.T) {
	header := http.Header{}
	header.Set("Repr-Digest", "sha-256=:"+"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="+":, unknown=:AAAA:")
	header.Set("X-Goog-Hash", "crc32c=n03x6A==")
	header.Add("X-Goog-Hash", "md5=garbage")
	header.Set("X-Amz-Checksum-Sha256", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=")
	header.Set("X-Amz-Checksum-Type", "COMPOSITE") // not of the object's bytes
	header.Set("Content-Md5", "CY9rzUYh03PK3k6DJie09g==")
	got := serverDigests(&http.Response{StatusCode: http.StatusPartialContent, Header: header})
	want := []string{"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "crc32c:9f4df1e8"}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i].String() != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}
