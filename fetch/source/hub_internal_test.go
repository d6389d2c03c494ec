package source

import (
	"net/http"
	"net/url"
	"testing"
)

// TestGitBlob compares with what git hash-object says.
func TestGitBlob(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "git-blob-0:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
		"test content\n": "git-blob-13:d670460b4b4aece5915caf5c68d12f560a9fe3e4",
	} {
		d := AnyDigest(want)
		h := NewHash(d.Algorithm)
		if h == nil {
			t.Fatalf("%s: no hash function", want)
		}
		_, _ = h.Write([]byte(text))
		if got := NewDigest(d.Algorithm, h).String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for _, name := range []string{"git-blob-", "git-blob--1", "git-blob-01", "git-blob-x", "git-blob-99999999999999999999"} {
		if NewHash(name) != nil {
			t.Errorf("%s has a hash function", name)
		}
	}
}

// TestNextPage takes the query alone: the URL may be of another host.
func TestNextPage(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		`<https://huggingface.co/api/models/o/n/tree/main?cursor=a%3D>; rel="next"`:  "cursor=a%3D",
		`<https://h/first>; rel="first", <https://h/x?cursor=2&limit=9>; rel="next"`: "cursor=2&limit=9",
		`<https://h/x?cursor=2>; rel="prev"`:                                         "", "": "", "<": "", `<:>; rel="next"`: "",
	} {
		if got := nextPage(http.Header{"Link": {link}}); got != want {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
}

func TestParseHubName(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]hubName{
		"hf://o/n/f":                        {"models", "o", "n", "main", "f", false},
		"hf://o/n@v1/d/f":                   {"models", "o", "n", "v1", "d/f", false},
		"hf://o/n:v1/f":                     {"models", "o", "n", "v1", "f", false},
		"hf://datasets/o/n@a%2Fb/d@1/f":     {"datasets", "o", "n", "a/b", "d@1/f", false},
		"hf://o/n@refs/pr/7/f":              {"models", "o", "n", "refs/pr/7", "f", false},
		"hf://o/n@refs/convert/parquet/d/f": {"models", "o", "n", "refs/convert/parquet", "d/f", false},
		"hf://o/n":                          {"models", "o", "n", "main", "", true},
		"hf://spaces/o/n@v1/":               {"spaces", "o", "n", "v1", "", true},
		"hf://o/n/d/":                       {"models", "o", "n", "main", "d", true},
		"hf://o/n/a%20b%25/%C3%BC":          {"models", "o", "n", "main", "a b%/ü", false},
	} {
		u, err := url.Parse(raw) //nolint:forbidigo // no secret
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseHubName(u); err != nil || got != want || isHubDirectory(u) != want.directory {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}
