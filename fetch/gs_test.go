package fetch_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/gcsserver"
)

func startGCS(tb testing.TB) (*gcsserver.Server, fetch.GCS) {
	tb.Helper()
	s := gcsserver.Start()
	tb.Cleanup(s.Close)
	return s, fetch.GCS{Endpoint: parse(tb, s.URL), Login: fetch.Google{MetadataHost: s.Host()}}
}

// TestGS fetches objects of each size, by one request if they are small, and sends none for the bytes again.
func TestGS(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	for url, key := range map[string]string{
		"gs://models/model.bin": "model.bin", "gs://models/empty": "empty", "gs://models/a//b/../c": "a//b/../c",
		"gs://models/a%20b+c%25%23%3F%C3%BC=:@$&,;!": "a b+c%#?ü=:@$&,;!", "gs://models//abs": "/abs",
	} {
		b := content(map[string]int{"model.bin": 9<<20 + 17, "empty": 0}[key] + len(key)%7)
		if key == "empty" {
			b = nil
		}
		s.PutBytes(key, b)
		dest := filepath.Join(t.TempDir(), "file")
		file := fetch.File{URL: parse(t, url), Dest: dest}
		before := len(s.Requests(""))
		result, err := run(t, &fetch.Fetcher{GCS: config}, file)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got, _ := os.ReadFile(dest); !bytes.Equal(got, b) || result.Digest != digestOf(b) || result.Evidence != fetch.EvidenceServer {
			t.Errorf("%s: %d bytes, %+v", url, len(got), result)
		}
		if n := len(s.Requests("")) - before; n != 1 && key != "model.bin" {
			t.Errorf("%s: %d requests: %q", url, n, s.Requests(""))
		}
		gets := len(s.Requests("GET"))
		if again, err := run(t, &fetch.Fetcher{GCS: config}, file); err != nil || !again.Skipped || again.Fetched != 0 || key != "model.bin" && len(s.Requests("GET")) != gets {
			t.Errorf("%s, again: %+v, %v, %q", url, again, err, s.Requests(""))
		}
	}
}

// TestGSEvidence compares with the digest that the store has of the object.
func TestGSEvidence(t *testing.T) {
	t.Parallel()
	b := []byte("123456789")
	for name, c := range map[string]struct {
		hash     string
		evidence fetch.Evidence
		refused  bool
	}{
		"both":          {"crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==", fetch.EvidenceServer, false},
		"crc32c":        {"crc32c=4waSgw==", fetch.EvidenceServer, false},
		"md5":           {"md5=JfnnlDI7RTiF9RgfG2JNCw==", fetch.EvidenceServer, false},
		"wrong crc32c":  {"crc32c=AAAAAA==", 0, true},
		"wrong md5":     {"md5=AAAAAAAAAAAAAAAAAAAAAA==", 0, true},
		"not a digest":  {"crc32c=????", fetch.EvidenceSize, false},
		"another's sum": {"sha3=AAAA", fetch.EvidenceSize, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, config := startGCS(t)
			s.Put("k", gcsserver.Object{Content: b, Hash: c.hash})
			dest := filepath.Join(t.TempDir(), "k")
			result, err := run(t, &fetch.Fetcher{GCS: config}, fetch.File{URL: parse(t, "gs://models/k"), Dest: dest})
			if mismatch, ok := errors.AsType[*fetch.DigestError](err); ok != c.refused || ok && mismatch.Evidence != fetch.EvidenceServer {
				t.Fatalf("err %v", err)
			}
			if !c.refused && (err != nil || result.Evidence != c.evidence) {
				t.Errorf("%+v, %v", result, err)
			}
			if _, err := os.Stat(dest); (err != nil) != c.refused {
				t.Errorf("the file: %v", err)
			}
		})
	}
}

// TestGSCompressed takes an object that is stored compressed as it is stored, where a digest says that it is the one that is
// wanted; the store decompresses it for a client that does not ask for gzip.
func TestGSCompressed(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	_, _ = z.Write(content(6 << 20))
	_ = z.Close()
	s.Put("model.gz", gcsserver.Object{Content: stored.Bytes(), Gzip: true})
	s.Public = true
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/models/model.gz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Accept-Encoding": {"identity"}, "Range": {"bytes=0-9"}}
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Warning") == "" {
		t.Fatalf("%v, %v: this test cannot tell the difference", resp, err)
	}
	_ = resp.Body.Close()

	dest := filepath.Join(t.TempDir(), "model.gz")
	file := fetch.File{URL: parse(t, "gs://models/model.gz"), Dest: dest}
	if _, err := run(t, &fetch.Fetcher{GCS: config}, file); err == nil || !strings.Contains(err.Error(), "compressed (Content-Encoding)") {
		t.Errorf("without a digest: %v", err)
	}
	file.Digest = digestOf(stored.Bytes())
	if _, err := run(t, &fetch.Fetcher{GCS: config}, file); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(dest); !bytes.Equal(got, stored.Bytes()) {
		t.Error("WRONG BYTES")
	}
}

// TestGSRefusals says what a refusal means, and quotes nothing of what the server repeats.
func TestGSRefusals(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status     int
		want, hint string
	}{
		"AccessDenied":           {403, "answered status 403: access is denied", "storage.objects.get"},
		"NoSuchBucket":           {404, "there is no bucket models", "Check the name"},
		"NoSuchKey":              {404, "the bucket models has no such object", "upper and lower case"},
		"AuthenticationRequired": {401, "the token is not accepted", "Check that the credentials"},
		"UserProjectMissing":     {400, "the requester pays for this bucket", "userProject="},
		"":                       {404, "there is no such object, or no such bucket", "Check the bucket"},
		"Xs3cr3t":                {418, "not as Google Cloud Storage does", "Check the endpoint"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s, config := startGCS(t)
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				s.Refuse(w, r, c.status, code)
				return true
			}
			_, err := run(t, &fetch.Fetcher{GCS: config}, fetch.File{URL: parse(t, "gs://models/k"), Dest: filepath.Join(t.TempDir(), "k")})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) {
				t.Errorf("%v; hint: %s", err, hintOf(err))
			}
			hasNoKey(t, err.Error()+hintOf(err))
		})
	}
}

// TestGSListingRefusals says what a refusal of a listing means.
func TestGSListingRefusals(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	s.PutBytes("dir/k", []byte("x"))
	fetched := func(url string) error {
		_, err := run(t, &fetch.Fetcher{GCS: config, RetryMaxWait: 1}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")})
		return err
	}
	if err := fetched("gs://other/dir/"); err == nil || !strings.Contains(err.Error(), "there is no bucket other") {
		t.Errorf("%v", err)
	}
	var throttled atomic.Int64
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if throttled.Add(1) > 2 {
			return false
		}
		s.Refuse(w, r, http.StatusForbidden, "RateLimit")
		return true
	}
	if err := fetched("gs://models/dir/"); err != nil || throttled.Load() < 3 {
		t.Errorf("throttled %d times: %v", throttled.Load(), err)
	}
	s.Project = "payer-1"
	if err := fetched("gs://models/dir/"); err == nil || !strings.Contains(err.Error(), "the requester pays for this bucket") {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"gs://models/dir/?userProject=payer-1", "gs://models/dir/k?userProject=payer-1"} {
		if err := fetched(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestGSAnonymous sends no token where that is asked for, and looks for none; nor to an emulator, nor to an endpoint that the URL
// names.
func TestGSAnonymous(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	s.PutBytes("k", []byte("x"))
	fetched := func(config fetch.GCS, url string) error {
		_, err := run(t, &fetch.Fetcher{GCS: config}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")})
		return err
	}
	if err := fetched(config, "gs://models/k?anonymous=true"); err == nil || !strings.Contains(hintOf(err), "no token") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	emulator := config
	emulator.Emulator = true
	if err := fetched(emulator, "gs://models/k"); err == nil || s.Given() != 0 {
		t.Errorf("an emulator: %v, %d tokens", err, s.Given())
	}
	s.Public = true
	for _, config := range []fetch.GCS{config, emulator} {
		if err := fetched(config, "gs://models/k?anonymous=true"); err != nil || s.Given() != 0 {
			t.Errorf("%v, %d tokens", err, s.Given())
		}
	}
	config.Login = fetch.Google{NoMetadata: true}
	err := fetched(config, "gs://models/k")
	if err == nil || !strings.Contains(err.Error(), "no credentials to sign the request with, neither in GOOGLE_APPLICATION_CREDENTIALS") ||
		!strings.Contains(hintOf(err), "--no-sign-request") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	config.Anonymous = true
	if err := fetched(config, "gs://models/k"); err != nil {
		t.Error(err)
	}
	config = fetch.GCS{Login: fetch.Google{MetadataHost: s.Host()}}
	for url, want := range map[string]string{
		"gs://models/k?endpoint=http://storage.example.com":    "the endpoint has no TLS",
		"gs://models/k?endpoint=https://storage.example.com":   "the URL names an endpoint of its own",
		"gs://models/dir/?endpoint=https://evilgoogleapis.com": "the URL names an endpoint of its own",
		"gs://models/k?endpoint=http://storage.googleapis.com": "the endpoint has no TLS",
	} {
		if err := fetched(config, url); err == nil || !strings.Contains(err.Error(), want) || s.Given() != 0 {
			t.Errorf("%s: %v, %d tokens", url, err, s.Given())
		}
	}
	if err := fetched(config, "gs://models/k?endpoint="+s.URL); err != nil || s.Given() != 1 {
		t.Errorf("%v, %d tokens", err, s.Given())
	}
}

// TestGSGeneration fetches the generation that the URL names, and no other.
func TestGSGeneration(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	s.PutBytes("k", content(9<<20))
	number := s.Generation("k")
	for _, url := range []string{"gs://models/k#" + number, "gs://models/k?generation=" + number} {
		file := fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")}
		for range 2 { // the second run sends HEAD
			if _, err := run(t, &fetch.Fetcher{GCS: config}, file); err != nil {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	if all := s.Requests("/models/k"); len(all) != len(s.Requests("generation="+number)) || len(s.Requests("HEAD")) != 2 {
		t.Errorf("%q", all)
	}
	s.PutBytes("k", content(1))
	_, err := run(t, &fetch.Fetcher{GCS: config}, fetch.File{URL: parse(t, "gs://models/k#"+number), Dest: filepath.Join(t.TempDir(), "k")})
	if err == nil || !strings.Contains(err.Error(), "has no such object") {
		t.Errorf("a generation that was replaced: %v", err)
	}
}

// TestGSRedirect follows none: the token is for one host, and goes to no other.
func TestGSRedirect(t *testing.T) {
	t.Parallel()
	s, config := startGCS(t)
	other, _ := startGCS(t)
	other.Public = true
	other.PutBytes("k", []byte("x"))
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.RequestURI, http.StatusTemporaryRedirect)
		return true
	}
	_, err := run(t, &fetch.Fetcher{GCS: config}, fetch.File{URL: parse(t, "gs://models/k"), Dest: filepath.Join(t.TempDir(), "k")})
	if err == nil || len(other.Requests("")) != 0 {
		t.Errorf("%v, %q", err, other.Requests(""))
	}
}

// TestGSURLs refuses what names no object before anything is sent.
func TestGSURLs(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"gs:///k", "gs://id:pw@models/k", "gs://models:80/k", "gs://models/k#pw", "gs://models/k?X-Goog-Signature=pw", "gs://models/k?colour=pw",
		"gs://models/k?endpoint=ftp://pw", "gs://models/k?generation=pw", "gs://models/k/?generation=1", "gs://models/k?generation=1#2", "gs://../k",
		"gs://models/k?userProject=pw%0A", "gs://models/k?anonymous=pw",
	} {
		if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, raw), Dest: "x"}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	bad := fetch.GCS{Endpoint: parse(t, "https://u:s3cr3t@host")}
	if _, err := (&fetch.Fetcher{GCS: bad}).Open(fetch.File{URL: parse(t, "gs://models/k"), Dest: "x"}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
	if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, "gs://models/k"), Dest: "x", BearerFile: "/x"}); err == nil {
		t.Error("a bearer file is for a request with a token")
	}
}

// TestGSDirectory fetches all objects below a name, with a slash at the end or without, and nothing beside it; a second run lists,
// and asks for no object.
func TestGSDirectory(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"gs://models/model", "gs://models/model/"} {
		s, config := startGCS(t)
		s.PageSize = 2
		for key, b := range map[string][]byte{
			"model/a": []byte("a"), "model/b/c d+e%": []byte("c"), "model/empty": {}, "model/": {}, "model/b/": {}, "model-v2/x": []byte("x"),
			"modelx": []byte("x"), "model/large": content(6 << 20),
		} {
			s.PutBytes(key, b)
		}
		dir := filepath.Join(t.TempDir(), "model")
		file := fetch.File{URL: parse(t, url), Dest: dir, Evidence: fetch.EvidenceServer}
		_, err := run(t, &fetch.Fetcher{GCS: config}, file)
		if got := treeOf(t, dir); err != nil || !slices.Equal(got, []string{"a", "b/c d+e%", "empty", "large"}) {
			t.Errorf("%s: %q, %v", url, got, err)
			continue
		}
		gets := func() int { return len(s.Requests("GET /models/model/a")) } // of the large one, some may arrive late
		before := gets()
		again, err := run(t, &fetch.Fetcher{GCS: config}, file)
		if err != nil || !again.Skipped || again.Fetched != 0 || gets() != before {
			t.Errorf("%s, again: %+v, %v, %q", url, again, err, s.Requests("GET"))
		}
		s.PutBytes("model/a", []byte("another"))
		if changed, err := run(t, &fetch.Fetcher{GCS: config}, file); err != nil || gets() != before+1 || changed.Fetched != int64(len("another")) {
			t.Errorf("%s, one file changed: %+v, %v", url, changed, err)
		}
	}
}
