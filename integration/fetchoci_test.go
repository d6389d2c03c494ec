package integration_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// A registrySite is the registry of the CNCF's Distribution with TLS, and inith on this machine.
type registrySite struct {
	addr   string
	login  string   // "", "basic" or "token"
	env    []string // of inith
	server *server
	client *http.Client
}

func startRegistrySite(t *testing.T, login, dir string) *registrySite {
	t.Helper()
	addr := freeAddr(t)
	r := &registrySite{
		addr: addr, login: login, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting()}},
		env: []string{"INITH_FETCH_CA_FILE=" + caFile(t), "INITH_FETCH_REGISTRY_CONFIG=" + registryConfig(t, addr, password), "NO_PROXY=*"},
	}
	r.server = startServer(t, "busybox", withDir(program(t, "registryserver"), "/registryserver"), withDir(dir, "/data"), withCertificate(t),
		testcontainers.WithCmd("/registryserver", "--address", addr, "--dir", "/data", "--login", login, "--password", password,
			"--cert", "/tls.crt", "--key", "/tls.key"))
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+"/v2/", nil)
		if err != nil {
			return err
		}
		resp, err := r.client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	return r
}

// registryConfig returns the name of a config.json with the password of the user app.
func registryConfig(t *testing.T, registry, password string) string {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte("app:" + password))
	return writeFile(t, "config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth), 0o600)
}

// url returns the one of what follows the name of the registry. At a loopback address inith expects no TLS.
func (r *registrySite) url(rest string) string {
	return "oci://" + r.addr + "/" + rest + "?plain-http=false"
}

// A blob is how a manifest names one.
type blob struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// A manifestOf is an image or an artifact.
type manifestOf struct {
	SchemaVersion int    `json:"schemaVersion"`
	MediaType     string `json:"mediaType"`
	Config        blob   `json:"config"`
	Layers        []blob `json:"layers"`
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// titled names the file that a layer is.
func titled(name string) map[string]string {
	return map[string]string{"org.opencontainers.image.title": name}
}

// send sends a request with what the registry wants, and returns the answer if it is a success.
func (r *registrySite) send(t *testing.T, repository, method, target, contentType string, body []byte) *http.Response {
	t.Helper()
	do := func(method, target, contentType string, body []byte, authorize func(*http.Request)) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		authorize(req)
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		if resp.StatusCode >= http.StatusMultipleChoices {
			said, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s %s: status %d: %s", method, target, resp.StatusCode, said)
		}
		return resp
	}
	basic := func(req *http.Request) { req.SetBasicAuth("app", password) }
	if r.login != "token" {
		return do(method, target, contentType, body, basic)
	}
	scope := url.Values{"service": {"registry.example"}, "scope": {"repository:" + repository + ":pull,push"}}
	answer := do(http.MethodGet, "https://"+r.addr+"/auth/token?"+scope.Encode(), "", nil, basic)
	var token struct{ Token string }
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	return do(method, target, contentType, body, func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+token.Token) })
}

// push uploads a blob (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs).
func (r *registrySite) push(t *testing.T, repository, mediaType string, b []byte, annotations map[string]string) blob {
	t.Helper()
	start := r.send(t, repository, http.MethodPost, "https://"+r.addr+"/v2/"+repository+"/blobs/uploads/", "", nil)
	location, err := start.Location()
	if err != nil {
		t.Fatal(err)
	}
	query := location.Query()
	query.Set("digest", digestOf(b))
	location.RawQuery = query.Encode()
	r.send(t, repository, http.MethodPut, location.String(), "application/octet-stream", b)
	return blob{mediaType, digestOf(b), len(b), annotations}
}

// tag gives a tag a manifest, and returns its digest.
func (r *registrySite) tag(t *testing.T, repository, tag, configType string, layers ...blob) string {
	t.Helper()
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	b, err := json.Marshal(manifestOf{2, mediaType, r.push(t, repository, configType, []byte("{}"), nil), layers})
	if err != nil {
		t.Fatal(err)
	}
	r.send(t, repository, http.MethodPut, "https://"+r.addr+"/v2/"+repository+"/manifests/"+tag, mediaType, b)
	return digestOf(b)
}

func (r *registrySite) fetch(ctx context.Context, t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, append([]string{"fetch", "--log-level=debug"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(append([]string{}, r.env...), env...), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	hasNoSecret(t, stderr.String()+stdout.String())
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// wantDirectory checks the files that were fetched.
func wantDirectory(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			count++
		}
		return err
	})
	if err != nil || count != len(want) {
		t.Errorf("%s has %d files, want %d; %v", dir, count, len(want), err)
	}
	for name, b := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(b), err)
		}
	}
}

// layer returns a tar of files, compressed with gzip.
func layer(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		_, writeErr := w.Write(content)
		if err := errors.Join(err, writeErr); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFetchOCI fetches what was pushed to a real registry, with TLS, and with each way to log in.
func TestFetchOCI(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"", "basic", "token"} {
		t.Run("login "+login, func(t *testing.T) {
			t.Parallel()
			r := startRegistrySite(t, login, t.TempDir())
			t.Run("artifact", r.testArtifact)
			t.Run("image", r.testImage)
			t.Run("refusals", r.testRefusals)
			t.Run("killed", r.testKilled)
		})
	}
}

func (r *registrySite) testArtifact(t *testing.T) {
	t.Parallel()
	const repository = "org/artifact"
	files := map[string][]byte{"model.safetensors": randomBytes(20<<20 + 3), "config.json": []byte("{}"), "onnx/data": randomBytes(100_000), "empty": {}}
	var layers []blob
	for name, b := range files {
		layers = append(layers, r.push(t, repository, "application/vnd.cncf.model.weight.v1.raw", b, map[string]string{"org.cncf.model.filepath": name}))
	}
	digest := r.tag(t, repository, "v1", "application/vnd.cncf.model.config.v1+json", layers...)
	for _, reference := range []string{":v1", "@" + digest} {
		dest := filepath.Join(t.TempDir(), "model")
		source := r.url(repository + reference)
		got := r.fetch(t.Context(), t, nil, source, dest, "--evidence=content", "--json")
		if got.code != 0 {
			t.Fatalf("%s: code %d; stderr:\n%s", reference, got.code, got.stderr)
		}
		hasAll(t, got.stdout, `"files":4`, `"commit":"`+digest+`"`, `"evidence":"content"`)
		wantDirectory(t, dest, files)
		got = r.fetch(t.Context(), t, nil, source, dest)
		hasAll(t, got.stderr, `msg="up to date"`, "evidence=content")
	}
	dest := filepath.Join(t.TempDir(), "model")
	got := r.fetch(t.Context(), t, nil, r.url(repository+":v1/model.safetensors"), dest, "--limit-rate=4MB") // longer than a token holds
	if b, err := os.ReadFile(dest); got.code != 0 || err != nil || !bytes.Equal(b, files["model.safetensors"]) {
		t.Errorf("one file: code %d, %v; stderr:\n%s", got.code, err, got.stderr)
	}
}

func (r *registrySite) testImage(t *testing.T) {
	t.Parallel()
	const repository, layerType = "org/image", "application/vnd.oci.image.layer.v1.tar+gzip"
	files := map[string][]byte{"model.bin": randomBytes(9 << 20), "sub/config.json": []byte("2")}
	lower := layer(t, map[string][]byte{"bin/sh": []byte("sh"), "models/old": []byte("1"), "models/sub/config.json": []byte("1")})
	upper := layer(t, map[string][]byte{"models/.wh.old": nil, "models/model.bin": files["model.bin"], "models/sub/config.json": []byte("2")})
	digest := r.tag(t, repository, "v1", "application/vnd.oci.image.config.v1+json",
		r.push(t, repository, layerType, lower, nil), r.push(t, repository, layerType, upper, nil))
	dest := filepath.Join(t.TempDir(), "model")
	got := r.fetch(t.Context(), t, nil, r.url(repository+":v1@"+digest), dest, "--write-sums")
	if got.code != 0 {
		t.Fatalf("code %d; stderr:\n%s", got.code, got.stderr)
	}
	sums, err := os.ReadFile(filepath.Join(dest, "SHA256SUMS"))
	if err != nil || !bytes.Contains(sums, []byte(strings.TrimPrefix(digestOf(files["model.bin"]), "sha256:")+"  model.bin\n")) {
		t.Errorf("%s, %v", sums, err)
	}
	files["SHA256SUMS"] = sums
	wantDirectory(t, dest, files)
	got = r.fetch(t.Context(), t, []string{"INITH_FETCH_REGISTRY_CONFIG="}, r.url(repository+":v1@"+digest), dest, "--write-sums")
	hasAll(t, got.stderr, `msg="up to date"`)
}

func (r *registrySite) testRefusals(t *testing.T) {
	t.Parallel()
	const repository = "org/refused"
	r.tag(t, repository, "v1", "application/vnd.oci.empty.v1+json", r.push(t, repository, "a/b", []byte("x"), titled("x")))
	config := func(password string) []string {
		return []string{"INITH_FETCH_REGISTRY_CONFIG=" + registryConfig(t, r.addr, password)}
	}
	wrong, none := "does not accept the credentials", "wants credentials, and there are none"
	if r.login == "" {
		wrong, none = "", ""
	}
	for name, c := range map[string]struct {
		env  []string
		url  string
		want string // "": it works
	}{
		"no tag":        {nil, repository + ":v2", `has no tag "v2"`},
		"no repository": {nil, "org/none:v1", "/org/none"},
		"no manifest":   {nil, repository + "@sha256:" + strings.Repeat("0", 64), "has no manifest with the digest sha256:0000"},
		"no authority":  {[]string{"INITH_FETCH_CA_FILE="}, repository + ":v1", "certificate"},
		"wrong":         {config(wrongPassword), repository + ":v1", wrong},
		"none":          {[]string{"INITH_FETCH_REGISTRY_CONFIG="}, repository + ":v1", none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := r.fetch(t.Context(), t, c.env, r.url(c.url), filepath.Join(t.TempDir(), "x"), "--stall-timeout=5s")
			if want := map[bool]int{true: 0, false: 1}[c.want == ""]; got.code != want {
				t.Errorf("code %d, want %d; stderr:\n%s", got.code, want, got.stderr)
			}
			if c.want != "" {
				hasAll(t, got.stderr, "inith: error: fetch "+r.url(c.url)+": ", c.want)
			}
		})
	}
}

// testKilled kills inith in the middle of an image, and does not request again what it had.
func (r *registrySite) testKilled(t *testing.T) {
	t.Parallel()
	const repository = "org/killed"
	files := map[string][]byte{"model.bin": randomBytes(24 << 20)}
	r.tag(t, repository, "v1", "application/vnd.oci.image.config.v1+json",
		r.push(t, repository, "application/vnd.oci.image.layer.v1.tar+gzip", layer(t, map[string][]byte{"models/model.bin": files["model.bin"]}), nil))
	dest := filepath.Join(t.TempDir(), "model")
	args := []string{r.url(repository + ":v1"), dest}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // until some pieces are there
		for ctx.Err() == nil {
			if journals, _ := filepath.Glob(filepath.Join(filepath.Dir(dest), ".inith", "*", "*.stage", "parts", "*.journal")); len(journals) > 0 {
				if journal, _ := os.ReadFile(journals[0]); bytes.Count(journal, []byte("\n")) > 3 {
					cancel() // SIGKILL
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if got := r.fetch(ctx, t, nil, append(args, "--limit-rate=4MB")...); got.code == 0 {
		t.Fatal("it was not killed")
	}
	got := r.fetch(t.Context(), t, nil, append(args, "--json")...)
	var f fetched
	if err := json.Unmarshal([]byte(got.stdout), &f); err != nil || f.Resumed < 1<<20 || f.Fetched > int64(len(files["model.bin"]))-f.Resumed+2<<20 {
		t.Errorf("%v: %+v; stderr:\n%s", err, f, got.stderr)
	}
	wantDirectory(t, dest, files)
}
