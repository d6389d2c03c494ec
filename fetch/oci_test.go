package fetch_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/registryserver"
)

// ociFiles are those of the artifact in these tests.
func ociFiles() map[string][]byte {
	return map[string][]byte{"model.safetensors": content(3<<20 + 5), "config.json": []byte("{}"), "onnx/model.onnx": content(70_000), "empty": {}}
}

func startRegistry(tb testing.TB) *registryserver.Server {
	tb.Helper()
	s := registryserver.Start("s3cr3t+/=")
	tb.Cleanup(s.Close)
	return s
}

// registryConfig returns a config.json with an entry for the registry.
func registryConfig(tb testing.TB, s *registryserver.Server, entry string) fetch.OCI {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(`{"auths":{"`+s.Host+`":`+entry+`}}`), 0o600); err != nil {
		tb.Fatal(err)
	}
	return fetch.OCI{ConfigFile: name}
}

func authEntry(user, password string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + `"}`
}

// hasNoSecret checks that neither a text nor a file below a directory has a secret.
func hasNoSecret(tb testing.TB, dir, text string) {
	tb.Helper()
	secrets := []string{"s3cr3t", base64.StdEncoding.EncodeToString([]byte("u:s3cr3t")), "X-Amz-Signature"}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			b, readErr := os.ReadFile(name)
			text, err = text+string(b), readErr
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Error(err)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			tb.Errorf("%q is shown or written", secret)
		}
	}
}

// TestOCIArtifact fetches the files of an artifact, by each form of the URL, and again: with a digest that sends no request, with
// a tag one.
func TestOCIArtifact(t *testing.T) {
	t.Parallel()
	files := ociFiles()
	s := startRegistry(t)
	digest := s.Artifact("v1", files).Digest
	s.Artifact("latest", files)
	for source, want := range map[string]struct {
		files map[string][]byte
		again int
	}{
		"/org/model:v1":                       {files, 1},
		"/org/model":                          {files, 1},
		"/org/model:v1/":                      {files, 1},
		"/org/model@" + digest:                {files, 0},
		"/org/model:other@" + digest:          {files, 0},
		"/org/model@" + digest + "/onnx/":     {below(files, "onnx/"), 0},
		"/org/model:v1/onnx":                  {below(files, "onnx/"), 1},
		"/org/model:v1?platform=linux/arm64":  {files, 1},
		"/org/model:v1/onnx/?plain-http=true": {below(files, "onnx/"), 1},
	} {
		dir := t.TempDir()
		file := fetch.File{URL: parse(t, "oci://"+s.Host+source), Dest: filepath.Join(dir, "new", "model"), Evidence: fetch.EvidenceContent}
		result, err := run(t, &fetch.Fetcher{}, file)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		wantFiles(t, file.Dest, want.files)
		if result.Files != len(want.files) || result.Commit != digest || result.Skipped || result.Evidence != fetch.EvidenceContent {
			t.Errorf("%s: %+v", source, result)
		}
		before := len(s.Requests("/manifests/")) // those for blobs may come late
		again, err := run(t, &fetch.Fetcher{}, file)
		if err != nil || !again.Skipped || again.Size != result.Size || again.Evidence != fetch.EvidenceContent {
			t.Errorf("%s, again: %+v, %v", source, again, err)
		}
		if all := s.Requests("/manifests/")[before:]; len(all) != want.again || len(all) == 1 && !strings.HasPrefix(all[0], "HEAD ") {
			t.Errorf("%s, again: requests %q", source, all)
		}
	}
}

// TestOCIFile fetches a file of an artifact. A tag that moves brings the other file, and one that stays none.
func TestOCIFile(t *testing.T) {
	t.Parallel()
	files := ociFiles()
	s := startRegistry(t)
	s.Artifact("v1", files)
	file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1/onnx/model.onnx"), Dest: t.TempDir() + "/"}
	blobs := 0
	for i, want := range []struct {
		bytes   []byte
		skipped bool
	}{{files["onnx/model.onnx"], false}, {files["onnx/model.onnx"], true}, {[]byte("new"), false}} {
		if i == 2 {
			s.Artifact("v1", map[string][]byte{"onnx/model.onnx": want.bytes})
		}
		result, err := run(t, &fetch.Fetcher{}, file)
		if err != nil || result.Skipped != want.skipped || result.Evidence != fetch.EvidenceContent || result.Digest != digestOf(want.bytes) {
			t.Fatalf("run %d: %+v, %v", i, result, err)
		}
		if b, _ := os.ReadFile(result.Path); !bytes.Equal(b, want.bytes) {
			t.Errorf("run %d: %d bytes", i, len(b))
		}
		if n := len(s.Requests("/blobs/")); want.skipped != (n == blobs) {
			t.Errorf("run %d: %d requests for blobs, %d before", i, n, blobs)
		} else {
			blobs = n
		}
	}
	if _, err := run(t, &fetch.Fetcher{}, fetch.File{URL: file.URL, Dest: t.TempDir() + "/x", Digest: digestOf([]byte("new"))}); err != nil {
		t.Errorf("pinned: %v", err)
	}
}

// TestOCIDamage accepts no other bytes than those that a digest names, be it of a blob, of a manifest, or of one in an index.
func TestOCIDamage(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	files := map[string][]byte{"model.bin": content(1000)}
	m := s.Artifact("v1", files)
	other := bytes.Clone(files["model.bin"])
	other[7] ^= 1
	fetched := func(reference string) error {
		dest := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{RetryMaxWait: time.Millisecond}, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model"+reference), Dest: dest})
		if _, statErr := os.Stat(dest); statErr == nil {
			t.Errorf("%s: there is a destination", reference)
		}
		return err
	}
	s.Damage(registryserver.DigestOf(files["model.bin"]), other)
	err := fetched(":v1")
	if mismatch, ok := errors.AsType[*fetch.DigestError](err); !ok || mismatch.Evidence != fetch.EvidenceContent || mismatch.Got != digestOf(other) {
		t.Errorf("blob: %v", err)
	}
	s.Index("index", m)
	s.Damage(m.Digest, []byte(`{"layers":[{"digest":"sha256:00","size":1}]}`))
	for _, reference := range []string{"@" + m.Digest, ":index"} {
		err := fetched(reference)
		if mismatch, ok := errors.AsType[*fetch.DigestError](err); !ok || mismatch.Want.String() != m.Digest || mismatch.Evidence != fetch.EvidenceContent {
			t.Errorf("%s: %v", reference, err)
		}
	}
}

// TestOCILogin shows to each server what it wants, and no more. Nothing that proves who we are is logged or written.
func TestOCILogin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		login, entry string
		lifetime     int
		wrong        string // part of the error; "": it works
	}{
		"open":                   {registryserver.Open, authEntry("u", "s3cr3t"), 0, ""},
		"basic":                  {registryserver.Basic, authEntry("u", "s3cr3t"), 0, ""},
		"basic, wrong":           {registryserver.Basic, authEntry("u", "s3cr3tx"), 0, "the registry does not accept the credentials for 127.0.0.1:"},
		"basic, none":            {registryserver.Basic, `{}`, 0, "the registry wants credentials, and there are none for 127.0.0.1:"},
		"token":                  {registryserver.Token, authEntry("u", "s3cr3t"), 300, ""},
		"token without lifetime": {registryserver.Token, authEntry("u", "s3cr3t"), 0, ""},
		"token that expires":     {registryserver.Token, authEntry("u", "s3cr3t"), 1, ""},
		"token, wrong":           {registryserver.Token, authEntry("u", "s3cr3tx"), 0, "the server that gives tokens for the registry does not accept the credentials"},
		"token, none":            {registryserver.Token, `{}`, 0, "the server that gives tokens for the registry wants credentials, and there are none"},
		"identity token":         {registryserver.Token, `{"identitytoken":"s3cr3t identity"}`, 0, ""},
		"identity token, wrong":  {registryserver.Token, `{"identitytoken":"s3cr3t"}`, 0, "does not accept the credentials"},
		"registry token, wrong":  {registryserver.Token, `{"registrytoken":"s3cr3t"}`, 0, "the registry does not accept the credentials for 127.0.0.1:"},
		"malformed":              {registryserver.Token, `{"auth":"s3cr3t"}`, 0, "has an auth for 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRegistry(t)
			s.Login, s.User, s.Password, s.IdentityToken, s.Lifetime, s.Redirects = c.login, "u", "s3cr3t", "s3cr3t identity", c.lifetime, true
			files := ociFiles()
			s.Artifact("v1", files)
			var log bytes.Buffer
			dir := t.TempDir()
			f := &fetch.Fetcher{
				OCI: registryConfig(t, s, c.entry), RetryMaxWait: time.Millisecond,
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			}
			result, err := run(t, f, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(dir, "model")})
			switch {
			case c.wrong == "" && err != nil:
				t.Fatalf("%v; %q", err, s.Requests(""))
			case c.wrong == "":
				wantFiles(t, result.Path, files)
			case err == nil || !strings.Contains(err.Error(), c.wrong) || hintOf(err) == "":
				t.Errorf("%v; hint: %s", err, hintOf(err))
			}
			hasNoSecret(t, filepath.Join(dir, ".inith"), log.String()+fmt.Sprint(err)+hintOf(err)+fmt.Sprint(result))
			if leaks := s.Leaks(); len(leaks) > 0 {
				t.Errorf("the storage received %q", leaks)
			}
			if n := len(s.Requests("manifests")); c.login == registryserver.Basic && c.wrong != "" && n > 2 {
				t.Errorf("%d requests with a password that is not accepted", n)
			}
		})
	}
}

// TestOCIRealm sends a password to no server that the registry names over plain HTTP, unless it is the registry's own host, and
// nothing at all to where clouds serve credentials.
func TestOCIRealm(t *testing.T) {
	t.Parallel()
	var received atomic.Int64
	for realm, want := range map[string]string{
		"http://localhost:%s/token":           "the registry wants the password sent to another server over plain HTTP",
		"http://169.254.169.254/latest/token": "the registry wants the password sent to another server over plain HTTP",
		"https://169.254.169.254/token":       "a link-local address",
		"https://metadata.google.internal/":   "a link-local address",
		"ftp://host/token":                    "the registry names no server that gives tokens",
		"s3cr3t":                              "the registry names no server that gives tokens",
	} {
		s := startRegistry(t)
		_, port, _ := strings.Cut(s.Host, ":")
		s.Login, s.User, s.Password = registryserver.Token, "u", "s3cr3t"
		if s.Realm = realm; strings.Contains(realm, "%s") {
			s.Realm = fmt.Sprintf(realm, port)
		}
		s.Fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.Header.Get("Authorization"), "Basic") {
				received.Add(1)
			}
			return false
		}
		s.Artifact("v1", ociFiles())
		_, err := run(t, &fetch.Fetcher{OCI: registryConfig(t, s, authEntry("u", "s3cr3t"))},
			fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(t.TempDir(), "model")})
		if err == nil || !strings.Contains(err.Error(), want) || received.Load() > 0 {
			t.Errorf("%s: %v, %d passwords received", s.Realm, err, received.Load())
		}
		hasNoSecret(t, "", fmt.Sprint(err))
	}
}

// TestOCIRefusals says what a refusal means, and quotes nothing that the registry says.
func TestOCIRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status            int
		code, header, url string
		want, hint        string
	}{
		"denied":             {403, "DENIED", "", ":v1", "the registry denies access to 127.0.0.1:", "may read the repository"},
		"no tag":             {0, "", "", ":v9", `has no tag "v9"`, "Check the repository and the tag."},
		"no digest":          {0, "", "", "@sha256:" + strings.Repeat("0", 64), "has no manifest with the digest sha256:00", "Check the digest"},
		"no repository":      {404, "NAME_UNKNOWN", "", ":v1", "there is no repository 127.0.0.1:", "If it is private"},
		"no codes":           {404, "", "", ":v1", `has no tag "v1"`, "Check the repository"},
		"throttled":          {429, "TOOMANYREQUESTS", "100;w=21600", ":v1", "answered status 429 (Too Many Requests): the quota of 100 pulls in 21600s is used up", "an IP address, which many Pods share"},
		"throttled, hostile": {429, "TOOMANYREQUESTS", "s3cr3t;w=x", ":v1", "answered status 429 (Too Many Requests)", "an IP address"},
		"TLS wanted":         {400, "", "", ":v1", "answered status 400 (Bad Request) over plain HTTP", "plain-http=false"},
		"failed":             {500, "", "", ":v1", "answered status 500", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRegistry(t)
			s.Artifact("v1", ociFiles())
			s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
				if c.header != "" {
					w.Header().Set("RateLimit-Limit", c.header)
				}
				if c.status > 0 {
					registryserver.Refuse(w, c.status, c.code)
				}
				return c.status > 0
			}
			f := &fetch.Fetcher{RetryMaxWait: 100 * time.Millisecond, StallTimeout: 3 * time.Second}
			_, err := run(t, f, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model"+c.url), Dest: filepath.Join(t.TempDir(), "model")})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) {
				t.Errorf("%v; hint: %s", err, hintOf(err))
			}
			hasNoSecret(t, "", fmt.Sprint(err)+hintOf(err))
		})
	}
}

// TestOCIManifests refuses manifests that have no files, or cannot be read.
func TestOCIManifests(t *testing.T) {
	t.Parallel()
	const artifact = "application/vnd.oci.empty.v1+json"
	for want, put := range map[string]func(s *registryserver.Server){
		"has no files: it is neither an image nor an artifact whose layers have names (1 layers)": func(s *registryserver.Server) {
			s.Manifest("v1", artifact, s.Blob("application/octet-stream", []byte("x"), nil))
		},
		"the manifest has no layers": func(s *registryserver.Server) { s.Manifest("v1", artifact) },
		"the manifest is of schema 1": func(s *registryserver.Server) {
			s.Put("v1", []byte(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","fsLayers":[{}]}`))
		},
		"no JSON": func(s *registryserver.Server) { s.Put("v1", []byte(`<html>s3cr3t</html>`)) },
		"an index in an index": func(s *registryserver.Server) {
			s.Index("v1", s.Index("", s.Artifact("", ociFiles())))
		},
		"the index has no images, and several artifacts": func(s *registryserver.Server) {
			s.Index("v1", s.Artifact("", ociFiles()), s.Artifact("", map[string][]byte{"x": nil}))
		},
		"there is no image for linux/": func(s *registryserver.Server) {
			d := s.Artifact("", ociFiles())
			d.Platform = map[string]string{"os": "plan9", "architecture": "mips"}
			s.Index("v1", d)
		},
		"a manifest of more than 4 MiB": func(s *registryserver.Server) { s.Put("v1", bytes.Repeat([]byte(" "), 4<<20+1)) },
		"a manifest with too many parts": func(s *registryserver.Server) {
			s.Put("v1", []byte(`{"layers":[`+strings.Repeat("null,", 100_001)+`null]}`))
		},
		"a blob without a size, or without a digest": func(s *registryserver.Server) {
			s.Manifest("v1", artifact, registryserver.Descriptor{Digest: "md5:00", Size: 1, Annotations: map[string]string{"org.opencontainers.image.title": "x"}})
		},
		`"../x" has . or .. in it`:  func(s *registryserver.Server) { s.Artifact("v1", map[string][]byte{"a": nil, "../x": nil}) },
		`"/x" begins or ends with`:  func(s *registryserver.Server) { s.Artifact("v1", map[string][]byte{"/x": nil}) },
		`".inith/x" is where inith`: func(s *registryserver.Server) { s.Artifact("v1", map[string][]byte{".inith/x": nil}) },
		`"x" is in it twice`: func(s *registryserver.Server) {
			title := map[string]string{"org.opencontainers.image.title": "x"}
			s.Manifest("v1", artifact, s.Blob("a", []byte("1"), title), s.Blob("a", []byte("2"), title))
		},
	} {
		s := startRegistry(t)
		put(s)
		dest := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: dest})
		if err == nil || !strings.Contains(err.Error(), want) || hintOf(err) == "" {
			t.Errorf("want %q: %v; hint: %s", want, err, hintOf(err))
		}
		if _, err := os.Stat(dest); err == nil || len(s.Requests("/blobs/")) > 0 {
			t.Errorf("%s: the destination exists, or blobs were requested", want)
		}
		hasNoSecret(t, "", fmt.Sprint(err))
	}
}

// TestOCIPlatform chooses the image of a platform, and passes over what is known of others, such as where they came from.
func TestOCIPlatform(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	of := func(name, system, architecture, variant string) registryserver.Descriptor {
		d := s.Artifact("", map[string][]byte{name: []byte(name)})
		d.Platform = map[string]string{"os": system, "architecture": architecture, "variant": variant}
		return d
	}
	s.Index("v1", of("attestation", "unknown", "unknown", ""), of("arm", "linux", "arm", "v7"), of("arm64", "linux", "arm64", "v8"), of("amd64", "linux", "amd64", ""))
	for platform, want := range map[string]string{"linux/amd64": "amd64", "linux/arm64": "arm64", "linux/arm64/v8": "arm64", "linux/arm": "arm"} {
		dest := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1?platform="+platform), Dest: dest})
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		wantFiles(t, dest, map[string][]byte{want: []byte(want)})
	}
}

// TestOCIWithoutDigest fetches from a registry that does not say which manifest a tag is of.
func TestOCIWithoutDigest(t *testing.T) {
	t.Parallel()
	s := startRegistry(t)
	s.NoDigest = true
	digest := s.Artifact("v1", ociFiles()).Digest
	file := fetch.File{URL: parse(t, "oci://"+s.Host+"/org/model:v1"), Dest: filepath.Join(t.TempDir(), "model")}
	for range 2 {
		if result, err := run(t, &fetch.Fetcher{}, file); err != nil || result.Commit != digest {
			t.Errorf("%+v, %v", result, err)
		}
	}
}
