package integration_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// A gsSite is fake-gcs-server with TLS, and inith on this machine. The server asks for no authentication.
type gsSite struct {
	base   string
	client *http.Client
	env    []string // of inith
}

func startGSSite(t *testing.T) *gsSite {
	t.Helper()
	addr := freeAddr(t)
	g := &gsSite{base: "https://" + addr, client: &http.Client{Transport: &http.Transport{TLSClientConfig: trusting()}}}
	startServer(t, "busybox", withDir(program(t, "gsserver"), "/gsserver"), withCertificate(t),
		testcontainers.WithCmd("/gsserver", "--address", addr, "--host", addr, "--cert", "/tls.crt", "--key", "/tls.key"))
	g.env = []string{"STORAGE_EMULATOR_HOST=" + g.base, "INITH_FETCH_CA_FILE=" + caFile(t), "NO_PROXY=*"}
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		_, err := g.ask(ctx, http.MethodGet, "/storage/v1/b/models", nil, nil)
		return err
	})
	return g
}

func (g *gsSite) ask(ctx context.Context, method, path string, header http.Header, body []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header = header
	resp, err := g.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	var object struct{ Generation string }
	err = json.NewDecoder(resp.Body).Decode(&object)
	return object.Generation, err
}

// put writes an object, and returns its generation.
func (g *gsSite) put(t *testing.T, name string, content []byte, encoding string) string {
	t.Helper()
	query := url.Values{"uploadType": {"media"}, "name": {name}}
	if encoding != "" {
		query.Set("contentEncoding", encoding)
	}
	generation, err := g.ask(t.Context(), http.MethodPost, "/upload/storage/v1/b/models/o?"+query.Encode(),
		http.Header{"Content-Type": {"application/octet-stream"}}, content)
	if err != nil {
		t.Fatalf("put %q: %v", name, err)
	}
	return generation
}

// fetch runs inith with variables that override those of the site.
func (g *gsSite) fetch(ctx context.Context, t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, append([]string{"fetch", "--log-level=debug"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(slices.Clip(g.env), env...), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// fetched fetches an object to a new place, and returns what inith says of it.
func (g *gsSite) fetched(t *testing.T, link string, want []byte, args ...string) fetched {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "file")
	r := g.fetch(t.Context(), t, nil, append([]string{link, dest, "--json"}, args...)...)
	var f fetched
	if err := json.Unmarshal([]byte(r.stdout), &f); r.code != 0 || err != nil {
		t.Errorf("%s: code %d, %v; stderr:\n%s", link, r.code, err, r.stderr)
		return f
	}
	if got, err := os.ReadFile(dest); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes, want %d, the same: %v; %v", link, len(got), len(want), bytes.Equal(got, want), err)
	}
	return f
}

// TestFetchGS fetches objects from a real server, with TLS.
func TestFetchGS(t *testing.T) {
	t.Parallel()
	g := startGSSite(t)
	t.Run("sizes and names", g.testNames)
	t.Run("generations", g.testGenerations)
	t.Run("compressed", g.testCompressed)
	t.Run("refusals", g.testRefusals)
	t.Run("directory", g.testDirectory)
	t.Run("changed", g.testChanged)
}

func (g *gsSite) testNames(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]string{
		"model.bin": "gs://models/model.bin", "empty": "gs://models/empty", "a/b c+d%25?é.bin": "gs://models/a/b%20c+d%2525%3F%C3%A9.bin",
		"q=&:@$,;!'()*": "gs://models/q=&:@$,;!'()*",
	} {
		content := randomBytes(map[string]int{"model.bin": 20<<20 + 3, "empty": 0}[name] + len(name)*map[bool]int{true: 0, false: 1}[name == "empty"])
		g.put(t, name, content, "")
		if f := g.fetched(t, link, content, "--evidence=server"); f.Evidence != "server" {
			t.Errorf("%s: %+v", link, f)
		}
	}
}

func (g *gsSite) testGenerations(t *testing.T) {
	t.Parallel()
	first := g.put(t, "versioned", []byte("one"), "")
	g.fetched(t, "gs://models/versioned#"+first, []byte("one"))
	second := g.put(t, "versioned", []byte("two"), "")
	g.fetched(t, "gs://models/versioned?generation="+second, []byte("two"))
	r := g.fetch(t.Context(), t, nil, "gs://models/versioned#"+first, filepath.Join(t.TempDir(), "x"))
	if first == second || r.code != 1 {
		t.Errorf("generations %s and %s, code %d; stderr:\n%s", first, second, r.code, r.stderr)
	}
	hasAll(t, r.stderr, "there is no such object")
}

// testCompressed has an object that the server would decompress, for a client that does not ask for gzip.
func (g *gsSite) testCompressed(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(randomBytes(3 << 20))
	_ = z.Close()
	g.put(t, "model.gz", b.Bytes(), "gzip")
	r := g.fetch(t.Context(), t, nil, "gs://models/model.gz", filepath.Join(t.TempDir(), "x"))
	if r.code != 1 {
		t.Errorf("without a digest: code %d", r.code)
	}
	hasAll(t, r.stderr, "compressed (Content-Encoding)", "give its digest with --sha256")
	g.fetched(t, "gs://models/model.gz", b.Bytes(), fmt.Sprintf("--sha256=%x", sha256.Sum256(b.Bytes())))
}

func (g *gsSite) testRefusals(t *testing.T) {
	t.Parallel()
	g.put(t, "refused", []byte("x"), "")
	for name, c := range map[string]struct {
		env  []string
		url  string
		want string
	}{
		"no object":      {nil, "gs://models/none", "there is no such object, or no such bucket"}, // Google says which
		"no bucket":      {nil, "gs://others/", "there is no bucket others"},
		"no authority":   {[]string{"INITH_FETCH_CA_FILE="}, "gs://models/refused", "certificate"},
		"no directory":   {nil, "gs://models/none/", "there are no files in it"},
		"another place":  {[]string{"STORAGE_EMULATOR_HOST=https://" + freeAddr(t)}, "gs://models/refused", "connection refused"},
		"no credentials": {[]string{"STORAGE_EMULATOR_HOST=", "NO_GCE_CHECK=1"}, "gs://models/refused", "no credentials to sign the request with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := g.fetch(t.Context(), t, c.env, c.url, filepath.Join(t.TempDir(), "x"), "--stall-timeout=2s")
			if r.code != 1 || r.stdout != "" {
				t.Errorf("code %d and stdout %q, want 1 and nothing", r.code, r.stdout)
			}
			hasAll(t, r.stderr, "inith: error: fetch "+c.url+": ", c.want)
		})
	}
}

// testDirectory fetches a directory whose listing has two pages, and none of its sibling.
func (g *gsSite) testDirectory(t *testing.T) {
	t.Parallel()
	const count = 1001
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < count; i += 8 {
				g.put(t, fmt.Sprintf("dir/%d/a b+%%%d", i%10, i), fmt.Append(nil, i), "")
			}
		})
	}
	wg.Wait()
	g.put(t, "dir/empty", nil, "")
	g.put(t, "dir/marker/", nil, "")
	g.put(t, "dir-v2/x", []byte("x"), "")
	dest := filepath.Join(t.TempDir(), "dir")
	for _, link := range []string{"gs://models/dir/", "gs://models/dir"} {
		r := g.fetch(t.Context(), t, nil, link, dest, "--write-sums")
		if r.code != 0 || r.stdout != dest+"\n" {
			t.Fatalf("%s: code %d, stdout %q; stderr:\n%s", link, r.code, r.stdout, r.stderr)
		}
		if files, _ := filepath.Glob(filepath.Join(dest, "*", "*")); len(files) != count {
			t.Errorf("%s: %d files, want %d", link, len(files), count)
		}
		if got := readFile(t, filepath.Join(dest, "7", "a b+%997")); got != "997" {
			t.Errorf("%q, want 997", got)
		}
		for name, there := range map[string]bool{"empty": true, "SHA256SUMS": true, "x": false, "marker": false} {
			if _, err := os.Stat(filepath.Join(dest, name)); (err == nil) != there {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if r := g.fetch(t.Context(), t, nil, "gs://models/dir", dest, "--write-sums"); !strings.Contains(r.stderr, `msg="up to date"`) {
		t.Errorf("a second run: code %d; stderr:\n%s", r.code, r.stderr)
	}
}

// testChanged replaces the object while inith fetches it: what comes of it is one of both.
func (g *gsSite) testChanged(t *testing.T) {
	t.Parallel()
	old := randomBytes(24 << 20)
	g.put(t, "changed", old, "")
	later := bytes.Clone(old)
	for i := range later {
		later[i] ^= 1
	}
	dest := filepath.Join(t.TempDir(), "file")
	go func() {
		for t.Context().Err() == nil {
			if parts, _ := filepath.Glob(filepath.Join(filepath.Dir(dest), ".inith", "*", "*.part")); len(parts) > 0 {
				_, _ = g.ask(t.Context(), http.MethodPost, "/upload/storage/v1/b/models/o?uploadType=media&name=changed", http.Header{}, later)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	r := g.fetch(t.Context(), t, nil, "gs://models/changed", dest, "--limit-rate=12MiB")
	got, err := os.ReadFile(dest)
	if r.code != 0 || err != nil || !bytes.Equal(got, later) && !bytes.Equal(got, old) {
		t.Errorf("code %d, %v, the old: %v, the new: %v; stderr:\n%s", r.code, err, bytes.Equal(got, old), bytes.Equal(got, later), r.stderr)
	}
}
