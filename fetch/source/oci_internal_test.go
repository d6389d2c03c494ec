package source

import (
	"maps"
	"strings"
	"testing"

	"github.com/inith/inith/internal/redact"
)

// TestOCIName reads what a URL names, and where that is.
func TestOCIName(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0a", 32)
	for raw, want := range map[string]string{ // registry, what is asked for, path
		"oci://ghcr.io/org/model:v1":                      "https://ghcr.io/v2/org/model/manifests/v1 ",
		"oci://GHCR.io/a/b/c":                             "https://ghcr.io/v2/a/b/c/manifests/latest ",
		"oci://r/x/":                                      "https://r/v2/x/manifests/latest ",
		"oci://r:5000/x@" + digest:                        "https://r:5000/v2/x/manifests/" + digest + " ",
		"oci://r/x:v1@" + digest + "/":                    "https://r/v2/x/manifests/" + digest + " ",
		"oci://r/x:v1/a/b%20c%25.bin":                     "https://r/v2/x/manifests/v1 a/b c%.bin",
		"oci://r/x:v1/a/b/":                               "https://r/v2/x/manifests/v1 a/b",
		"oci://r/x@" + digest + "/a@b:c":                  "https://r/v2/x/manifests/" + digest + " a@b:c",
		"oci://docker.io/model:v1":                        "https://registry-1.docker.io/v2/library/model/manifests/v1 ",
		"oci://index.docker.io/ai/model":                  "https://registry-1.docker.io/v2/ai/model/manifests/latest ",
		"oci://localhost:5000/x":                          "http://localhost:5000/v2/x/manifests/latest ",
		"oci://127.0.0.1/x":                               "http://127.0.0.1/v2/x/manifests/latest ",
		"oci://[::1]:5000/x":                              "http://[::1]:5000/v2/x/manifests/latest ",
		"oci://localhost:5000/x?plain-http=false":         "https://localhost:5000/v2/x/manifests/latest ",
		"oci://r:5000/x?plain-http=true&platform=linux/a": "http://r:5000/v2/x/manifests/latest ",
		"oci://localhost.example/x":                       "https://localhost.example/v2/x/manifests/latest ",
		"oci://r/a.b-c__d/x:V1_a.b-c":                     "https://r/v2/a.b-c__d/x/manifests/V1_a.b-c ",

		"oci://r": "", "oci:///x": "", "oci://r/": "", "oci://r/Org/x": "", "oci://r/a//b": "", "oci://r/-a": "", "oci://r/a/../b": "", "oci://r/a%2Fb": "",
		"oci://r/x:": "", "oci://r/x:-v": "", "oci://r/x:v%2F1": "", "oci://r/x@sha256:0": "", "oci://r/x@md5:" + strings.Repeat("0", 32): "",
		"oci://r/x@sha256:" + strings.Repeat("0A", 32): "", "oci://r/x:v1/a//b": "", "oci://r/x:v1/../b": "", "oci://r/x:v1/a%2Fb": "", "oci://r/x#f": "",
		"oci://r/x?platform=linux": "", "oci://r/x?other=1": "", "oci://r/x?plain-http=maybe": "", "oci://u@r/x": "", "oci:r/x": "",
	} {
		u, err := redact.ParseURL(raw)
		if err != nil {
			t.Fatal(err)
		}
		name, err := parseOCIName(u)
		got := ""
		if err == nil {
			got = (&ociRepository{endpoint: name.endpoint(false), name: name}).api("manifests", name.reference()).String() + " " + name.path
		}
		if got != want {
			t.Errorf("%s: %q, %v, want %q", raw, got, err, want)
		}
		if err == nil && name.directory != (name.path == "" || strings.HasSuffix(raw, "/")) {
			t.Errorf("%s: directory: %v", raw, name.directory)
		}
	}
}

// TestChallenge reads what registries send.
func TestChallenge(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]challenge{
		`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"`: {"bearer", map[string]string{
			"realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "repository:a/b:pull,push",
		}},
		`bearer REALM = "a\"b" , scope=x`:   {"bearer", map[string]string{"realm": `a"b`, "scope": "x"}},
		`Basic realm="x", Bearer realm="y"`: {"bearer", map[string]string{"realm": "y"}},
		`Negotiate, Basic realm=x`:          {"basic", map[string]string{"realm": "x"}},
		`Basic`:                             {"basic", map[string]string{}},
		`Negotiate YII=`:                    {},
		`Bearer realm="open`:                {"bearer", map[string]string{}},
		`Bearer realm="a",realm="b"`:        {"bearer", map[string]string{"realm": "a"}},
		``:                                  {},
		`,,, "`:                             {},
	} {
		if got := parseChallenge([]string{header}); got.scheme != want.scheme || !maps.Equal(got.parameters, want.parameters) {
			t.Errorf("%s: %+v, want %+v", header, got, want)
		}
	}
	if got := parseChallenge([]string{"Basic realm=x", "Bearer realm=y"}); got.scheme != "bearer" {
		t.Errorf("two headers: %+v", got)
	}
}

// FuzzChallenge holds that whatever a server asks for is read to its end, and that nothing of it is longer than what came.
func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"`)
	f.Add(`Negotiate YII=, Basic realm="a\"b"`)
	f.Add("Bearer realm=\"\\")
	f.Fuzz(func(t *testing.T, header string) {
		c := parseChallenge([]string{header})
		n := len(c.scheme)
		for name, value := range c.parameters {
			n += len(name) + len(value)
		}
		if n > 2*len(header) || c.scheme != "" && c.scheme != "basic" && c.scheme != "bearer" {
			t.Errorf("%q: %+v", header, c)
		}
	})
}

// FuzzManifest holds that what is taken from a manifest is a list of blobs with digests, in a repository that the URL names.
func FuzzManifest(f *testing.F) {
	const sum = `"digest":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","size":4`
	f.Add([]byte(`{"layers":[{"mediaType":"a/b",` + sum + `,"annotations":{"org.opencontainers.image.title":"x"}}]}`))
	f.Add([]byte(`{"config":{"mediaType":"` + ociImageConfig + `"},"layers":[{"mediaType":"a/b.tar+gzip",` + sum + `}]}`))
	f.Add([]byte(`{"manifests":[{` + sum + `,"platform":{"os":"linux","architecture":"amd64"}},null]}`))
	f.Add([]byte(`{"layers":[null],"manifests":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if (m == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", b, m, err)
		}
		if err != nil {
			return
		}
		if sum, err := m.choose("linux/amd64"); (sum == Digest{}) == (err == nil) {
			t.Errorf("%q: %v, %v", b, sum, err)
		}
		u, err := redact.ParseURL("oci://r/org/x:v1")
		if err != nil {
			t.Fatal(err)
		}
		r, err := (&ociResolver{&Network{}, func(error) {}, map[string]*ociRepository{}}).repository(u)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := r.files(m)
		if (len(objects) == 0) == (err == nil) {
			t.Errorf("%q: %v, %v", b, objects, err)
		}
		for _, o := range objects {
			if len(o.Digests) != 1 || o.Size < 0 || (o.Name == "") != (o.Layer != nil) || !o.Addressed {
				t.Errorf("%q: %+v", b, o)
			}
			if name := o.Source.Name(); !strings.HasPrefix(name, "oci://r/org/x") {
				t.Errorf("%q: %s", b, name)
			}
		}
	})
}
