package source

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inith/inith/internal/redact"
)

// FuzzS3Page reads any answer as a listing: what comes of it are keys that were asked for, or an error that says nothing of it.
func FuzzS3Page(f *testing.F) {
	for _, seed := range []string{
		"<ListBucketResult><Contents><Key>p/a</Key><ETag>&quot;x&quot;</ETag><Size>3</Size></Contents></ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>p/%41+b</Key><Size>3</Size></Contents><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
		"<ListBucketResult/>", "<ListBucketResult><Contents><Key>p/a</Key></Contents><Contents/></ListBucketResult>", "<a><b></a>", "",
		"<ListBucketResult><Key>p/</Key><Contents><Owner><ID>x</ID></Owner><Size>x</Size></Contents>", "<ListBucketResult></ListBucketResult><x/>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzPage(t, (*s3Bucket)(nil), text)
	})
}

// fuzzPage reads an answer as a listing of what is below p/.
func fuzzPage(t *testing.T, reader interface {
	read(text string) (*storePage, error)
}, text string,
) {
	t.Helper()
	page, err := reader.read(text)
	if err == nil {
		err = page.check("p/")
	}
	if err != nil {
		if len(err.Error()) > 100 {
			t.Errorf("%v", err)
		}
		return
	}
	for _, e := range page.entries {
		if !strings.HasPrefix(e.key, "p/") || e.size < 0 {
			t.Errorf("%+v", e)
		}
	}
}

// TestS3ETag takes Amazon's ETag for the MD5 of an object where it is documented to be one.
func TestS3ETag(t *testing.T) {
	t.Parallel()
	const md5 = "25f9e794323b453885f5181f1b624d0b"
	for name, c := range map[string]struct {
		url    string
		header map[string]string
		want   bool
	}{
		"encrypted by S3": {"s3://models/k", map[string]string{"X-Amz-Server-Side-Encryption": "AES256"}, true},
		"plain":           {"s3://models/k", nil, true},
		"KMS":             {"s3://models/k", map[string]string{"X-Amz-Server-Side-Encryption": "aws:kms"}, false},
		"a user's key":    {"s3://models/k", map[string]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}, false},
		"of parts":        {"s3://models/k", map[string]string{"ETag": `"` + md5 + `-2"`}, false},
		"weak":            {"s3://models/k", map[string]string{"ETag": `W/"` + md5 + `"`}, false},
		"another server":  {"s3://models/k?endpoint=http://minio", nil, false},
		"express":         {"s3://models--use1-az4--x-s3/k", nil, false},
	} {
		u := mustParse(t, c.url)
		b, err := (&s3Opener{web{network: &Network{S3: S3{Anonymous: true}}}}).bucket(u)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Etag": {`"` + md5 + `"`}}
		for key, value := range c.header {
			h.Set(key, value)
		}
		var info Info
		b.describe(&http.Response{Header: h}, &info)
		if got := len(info.Digests) == 1 && info.Digests[0].String() == "md5:"+md5; got != c.want {
			t.Errorf("%s: %v", name, info.Digests)
		}
		info = Info{Digests: []Digest{{"sha256", "x"}}}
		if b.describe(&http.Response{Header: h}, &info); len(info.Digests) != 1 {
			t.Errorf("%s: %v beside a checksum", name, info.Digests)
		}
	}
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := redact.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
