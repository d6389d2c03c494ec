package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/hubserver"
)

const hubCommit = "0123456789abcdef0123456789abcdef01234567"

// hubRepository has a small file, and one in LFS that takes several connections.
func hubRepository() hubserver.Repository {
	return hubserver.Repository{
		Name: "org/model", Revision: "refs/pr/1", Commit: hubCommit, LFS: 1 << 20,
		Files: map[string][]byte{
			"config.json": []byte(`{"a": 1}`), "empty": {}, "onnx/model.bin": content(12<<20 + 345),
			"onnx/a b%20ü#?.txt": []byte("odd"), "z.txt": []byte("z"),
		},
	}
}

func startHub(tb testing.TB, r hubserver.Repository) (*hubserver.Server, fetch.Hub) {
	tb.Helper()
	s := hubserver.Start(r, "s3cr3t signature")
	tb.Cleanup(s.Close)
	tb.Cleanup(func() {
		if leaks := s.Leaks(); len(leaks) > 0 {
			tb.Errorf("the server of the bytes received: %q", leaks)
		}
	})
	return s, fetch.Hub{Endpoint: parse(tb, s.URL)}
}

// TestHub fetches each kind of file, by each form of revision, and again.
func TestHub(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	for source, want := range map[string]struct{ file, digest string }{
		"hf://org/model/config.json":                                   {"config.json", "sha256:"},
		"hf://org/model@main/config.json":                              {"config.json", "sha256:"},
		"hf://org/model:main/empty":                                    {"empty", "sha256:"},
		"hf://org/model@" + hubCommit + "/onnx/model.bin":              {"onnx/model.bin", digestOf(r.Files["onnx/model.bin"]).String()},
		"hf://org/model@refs/pr/1/onnx/model.bin":                      {"onnx/model.bin", "sha256:"},
		"hf://org/model@refs%2Fpr%2F1/onnx/a%20b%2520%C3%BC%23%3F.txt": {"onnx/a b%20ü#?.txt", "sha256:"},
	} {
		s, hub := startHub(t, r)
		s.PageSize = 1 // the listing has pages
		dest := filepath.Join(t.TempDir(), "file")
		file := fetch.File{URL: parse(t, source), Dest: dest, Evidence: fetch.EvidenceServer}
		result, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		got, _ := os.ReadFile(dest)
		if !bytes.Equal(got, r.Files[want.file]) || result.Evidence != fetch.EvidenceServer || !strings.HasPrefix(result.Digest.String(), want.digest) {
			t.Errorf("%s: %d bytes, %+v", source, len(got), result)
		}
		wanted := 1 // of the API: a commit is not resolved
		if !strings.Contains(source, hubCommit) {
			wanted = 2
		}
		if n := len(s.Requests("/revision/")) + min(1, len(s.Requests("/tree/"))); n != wanted {
			t.Errorf("%s: %d kinds of requests to the API: %q", source, n, s.Requests("/api/"))
		}
		bytesBefore := len(s.Requests("")) - len(s.Requests("/api/"))
		again, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err != nil || !again.Skipped || again.Evidence != fetch.EvidenceServer {
			t.Errorf("%s, again: %+v, %v", source, again, err)
		}
		if n := len(s.Requests("")) - len(s.Requests("/api/")); n != bytesBefore {
			t.Errorf("%s, again: %d requests for bytes", source, n-bytesBefore)
		}
	}
}

// TestHubDataset has paths of its own.
func TestHubDataset(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubserver.Repository{
		Name: "datasets/org/data", Commit: hubCommit, LFS: 10, Files: map[string][]byte{"a/x.csv": content(2000)},
	})
	dest := filepath.Join(t.TempDir(), "x.csv")
	_, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://datasets/org/data/a/x.csv"), Dest: dest})
	if err != nil || len(s.Requests("/datasets/org/data/resolve/"+hubCommit+"/a/x.csv")) != 1 {
		t.Errorf("%v: %q", err, s.Requests(""))
	}
}

// TestHubPinned sends no request for a file that is there with its pinned digest.
func TestHubPinned(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	s, hub := startHub(t, r)
	file := fetch.File{
		URL: parse(t, "hf://org/model/config.json"), Dest: filepath.Join(t.TempDir(), "c"), Digest: digestOf(r.Files["config.json"]),
	}
	for range 2 {
		if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Requests("")); n != 3 {
			t.Fatalf("%d requests: %q", n, s.Requests(""))
		}
	}
}

// TestHubMovedBranch fetches a file again only if its bytes are others at the new commit.
func TestHubMovedBranch(t *testing.T) {
	t.Parallel()
	dest := filepath.Join(t.TempDir(), "c")
	for i, c := range []struct {
		commit, text string
		skipped      bool
	}{{"1", "one", false}, {"2", "one", true}, {"3", "two", false}} {
		r := hubRepository()
		r.Commit = strings.Repeat(c.commit, 40)
		r.Files["config.json"] = []byte(c.text)
		_, hub := startHub(t, r)
		result, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://org/model/config.json"), Dest: dest})
		got, _ := os.ReadFile(dest)
		if err != nil || string(got) != c.text || result.Skipped != c.skipped {
			t.Errorf("%d: %q, %+v, %v", i, got, result, err)
		}
	}
}

// TestHubWrongBytes compares with what the repository says.
func TestHubWrongBytes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"config.json": "digest mismatch: want git-blob-8:", "onnx/model.bin": "digest mismatch: want sha256:",
	} {
		s, hub := startHub(t, hubRepository())
		wrong := hubRepository().Files[name]
		wrong[len(wrong)-1] ^= 1
		s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				return false
			}
			_, _ = w.Write(wrong)
			return true
		}
		dest := filepath.Join(t.TempDir(), "file")
		_, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://org/model/"+name), Dest: dest})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "(server)") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dest); err == nil {
			t.Errorf("%s: there is a file", name)
		}
	}
}

// TestHubRefusals tells the kinds apart, and quotes no token and no link.
func TestHubRefusals(t *testing.T) {
	t.Parallel()
	private, gated := hubRepository(), hubRepository()
	private.Token, gated.Token, gated.Gated = "hf_s3cr3t", "hf_s3cr3t", true
	refuse := func(status int, code, message string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			hubserver.Refuse(w, status, code, message)
			return true
		}
	}
	for want, c := range map[string]struct {
		repository hubserver.Repository
		source     string
		fault      func(http.ResponseWriter, *http.Request) bool
	}{
		"there is no repository org/none, or it is private":                 {hubRepository(), "hf://org/none/config.json", nil},
		"there is no repository org/model, or it is private":                {private, "hf://org/model/config.json", nil},
		"the repository org/model is gated":                                 {gated, "hf://org/model/config.json", nil},
		`org/model has no revision "v9"`:                                    {hubRepository(), "hf://org/model@v9/config.json", nil},
		`org/model has no file "none.json" at revision "main"`:              {hubRepository(), "hf://org/model/none.json", nil},
		`org/model has no file "none/x" at revision "main"`:                 {hubRepository(), "hf://org/model/none/x", nil},
		`org/model has no directory "none" at revision "main"`:              {hubRepository(), "hf://org/model/none/", nil},
		"the hub does not accept the token":                                 {hubRepository(), "hf://org/model/z.txt", refuse(401, "", "Invalid credentials in Authorization header")},
		"the repository org/model is disabled":                              {hubRepository(), "hf://org/model/z.txt", refuse(403, "", "Access to this resource is disabled.")},
		"the hub forbids access to org/model":                               {hubRepository(), "hf://org/model/z.txt", refuse(403, "", "")},
		"the hub's answer is not understood: no JSON, or another than doc":  {hubRepository(), "hf://org/model/z.txt", refuse(200, "", "")},
		"answered status 404 (Not Found)":                                   {hubRepository(), "hf://org/model/z.txt", refuse(404, "", "")},
		"the server sent a file of 5 bytes, and in the repository it has 1": {hubRepository(), "hf://org/model/z.txt", loginPage},
	} {
		s, hub := startHub(t, c.repository)
		s.Fault = c.fault
		hub.Token = "hf_wrong"
		_, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, c.source), Dest: filepath.Join(t.TempDir(), "x")})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hf_") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func loginPage(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	_, _ = w.Write([]byte("<html"))
	return true
}

// TestHubFaults comes to the right bytes all the same.
func TestHubFaults(t *testing.T) {
	t.Parallel()
	b := hubRepository().Files["onnx/model.bin"]
	for name, fault := range map[string]func(s *hubserver.Server, n int64, w http.ResponseWriter, r *http.Request) bool{
		"429": func(_ *hubserver.Server, n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n%2 == 0 || n > 6 {
				return false
			}
			w.Header().Set("RateLimit", `"api";r=0;t=1`)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		},
		"5xx": func(_ *hubserver.Server, n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n%3 != 0 {
				return false
			}
			w.WriteHeader(http.StatusBadGateway)
			return true
		},
		"a link expires": func(s *hubserver.Server, _ int64, w http.ResponseWriter, r *http.Request) bool {
			if !s.IsStorage(r) || len(s.Requests("/onnx/model.bin")) > 2 { // only the first link, once, in the middle
				return false
			}
			s.Expire()
			w.Header().Set("ETag", `"storage"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(b)-1, len(b)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(b[:3<<20])
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, hub := startHub(t, hubRepository())
			var n atomic.Int64
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool { return fault(s, n.Add(1), w, r) }
			dest := filepath.Join(t.TempDir(), "model.bin")
			_, err := run(t, &fetch.Fetcher{Hub: hub, RetryMaxWait: 1}, fetch.File{URL: parse(t, "hf://org/model/onnx/model.bin"), Dest: dest})
			got, _ := os.ReadFile(dest)
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if links := len(s.Requests("/resolve/")); name == "a link expires" && links < 2 {
				t.Errorf("%d links were asked for", links)
			}
		})
	}
}

// TestHubThrottled says which quota is used up.
func TestHubThrottled(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubRepository())
	s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("RateLimit", `"api";r=0;t=55`)
		w.Header().Set("RateLimit-Policy", `"fixed window";"api";q=500;w=300`)
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	tr, err := (&fetch.Fetcher{Hub: hub}).Open(fetch.File{URL: parse(t, "hf://org/model/z.txt"), Dest: filepath.Join(t.TempDir(), "x")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for tr.Status().Err == nil && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, _ = tr.Run(ctx)
	const want = "status 429 (Too Many Requests): the quota of 500 requests of the kind api in 300s is used up for 55s"
	if err := tr.Status().Err; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// TestHubToken goes to the endpoint only, by each way to give it; another origin's credentials
// do not go there.
func TestHubToken(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "token")
	headers := filepath.Join(t.TempDir(), "headers")
	for name, text := range map[string]string{secret: "hf_s3cr3t\n", headers: "Authorization: Bearer hf_s3cr3t\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := hubRepository()
	r.Token = "hf_s3cr3t"
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)
	hubURL, other := "hf://org/model/onnx/model.bin", missing.URL+"/x"
	for name, c := range map[string]struct {
		hub     fetch.Hub
		file    fetch.File
		refused bool
	}{
		"token":                     {fetch.Hub{Token: r.Token}, fetch.File{URL: parse(t, hubURL)}, false},
		"token file":                {fetch.Hub{TokenFile: secret}, fetch.File{URL: parse(t, hubURL)}, false},
		"token before its file":     {fetch.Hub{Token: "hf_wrong", TokenFile: secret}, fetch.File{URL: parse(t, hubURL)}, true},
		"bearer file before token":  {fetch.Hub{Token: "hf_wrong"}, fetch.File{URL: parse(t, hubURL), BearerFile: secret}, false},
		"header file before token":  {fetch.Hub{Token: "hf_wrong"}, fetch.File{URL: parse(t, hubURL), HeaderFiles: []string{headers}}, false},
		"token of a mirror":         {fetch.Hub{Token: r.Token}, fetch.File{URL: parse(t, other), Mirrors: []*url.URL{parse(t, hubURL)}}, false},
		"another origin's, to none": {fetch.Hub{}, fetch.File{URL: parse(t, other), BearerFile: secret, Mirrors: []*url.URL{parse(t, hubURL)}}, true},
	} {
		s, hub := startHub(t, r)
		c.hub.Endpoint = hub.Endpoint
		c.file.Dest = filepath.Join(t.TempDir(), "x")
		_, err := run(t, &fetch.Fetcher{Hub: c.hub}, c.file)
		if (err != nil) != c.refused || err != nil && strings.Contains(err.Error(), "hf_") {
			t.Errorf("%s: %v, %q", name, err, s.Requests(""))
		}
	}
}

// TestHubResumed resumes a run that was stopped, although its link has expired since.
func TestHubResumed(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	s, hub := startHub(t, r)
	b := r.Files["onnx/model.bin"]
	file := fetch.File{URL: parse(t, "hf://org/model/onnx/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fetch.Fetcher{Hub: hub, RateLimit: 8 << 20, Connections: 1}
	tr, err := f.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for tr.Status().Done < int64(len(b)/2) {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want it canceled", err)
	}
	s.Expire()
	result, err := run(t, &fetch.Fetcher{Hub: hub}, file)
	got, _ := os.ReadFile(file.Dest)
	if err != nil || !bytes.Equal(got, b) || result.Resumed < 1<<20 || result.Evidence != fetch.EvidenceServer {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestHubURLs refuses what names no file before anything is sent.
func TestHubURLs(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"hf://org", "hf:///model/x", "hf://datasets/org", "hf://spaces/org", "hf://org/model//",
		"hf://org/model/../x", "hf://org/model/%2e%2e/x", "hf://org/model/a%2Fb", "hf://org/model/a//b", "hf://org/model/.",
		"hf://org/../x", "hf://org/model@/x", "hf://org/model@a%2F..%2Fb/x", "hf://org/model@..%2F../x", "hf://org/model@a%20b/x",
		"hf://user:pw@org/model/x", "hf://org:80/model/x", "hf://org/model/x?download=true", "hf://org/model/x#y",
	} {
		if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, raw), Dest: "x"}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, hub := range []fetch.Hub{
		{Endpoint: parse(t, "ftp://hub")}, {Endpoint: parse(t, "https://u:s3cr3t@hub")}, {Endpoint: parse(t, "https://hub/?s3cr3t")}, {Token: "s3cr3t\nX: y"},
	} {
		if _, err := (&fetch.Fetcher{Hub: hub}).Open(fetch.File{URL: parse(t, "hf://org/model/x"), Dest: "x"}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%v: %v", hub.Endpoint, err)
		}
	}
}
