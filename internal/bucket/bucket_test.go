package bucket_test

import (
	"strings"
	"testing"

	"github.com/inith/inith/internal/bucket"
)

func TestObjectURL(t *testing.T) {
	t.Parallel()
	endpoint, err := bucket.ParseEndpoint("http://127.0.0.1:9000/")
	if err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]bucket.Place{
		"https://models.s3.us-east-1.amazonaws.com/a%20b/%2B":     {Name: "models"},
		"https://models.s3.cn-north-1.amazonaws.com.cn/a%20b/%2B": {Name: "models", Region: "cn-north-1"},
		"https://s3.eu-west-1.amazonaws.com/models.v2/a%20b/%2B":  {Name: "models.v2", Region: "eu-west-1"},
		"https://s3.eu-west-1.amazonaws.com/models/a%20b/%2B":     {Name: "models", Region: "eu-west-1", Style: bucket.InPath},
		"http://127.0.0.1:9000/models/a%20b/%2B":                  {Name: "models", Endpoint: endpoint},
		"http://models.127.0.0.1:9000/a%20b/%2B":                  {Name: "models", Endpoint: endpoint, Style: bucket.InHost},
	} {
		if got := p.ObjectURL("a b/+").String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	p := bucket.Place{Name: "models", Endpoint: endpoint}
	if got := p.URL().String(); got != "http://127.0.0.1:9000/models" {
		t.Errorf("the bucket is at %s", got)
	}
	p.Endpoint = nil
	if got := p.URL().String(); got != "https://models.s3.us-east-1.amazonaws.com/" {
		t.Errorf("the bucket is at %s", got)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a/b", "a@b", "a:80", "..", ".", "a b", "ü"} {
		if bucket.CheckName(name) == nil {
			t.Errorf("%q is the name of a bucket", name)
		}
	}
	for _, region := range []string{"a.b", "a/b", "a@b", "a#b", strings.Repeat("a", 33)} {
		if bucket.CheckRegion(region) == nil {
			t.Errorf("%q is a region", region)
		}
	}
	for _, endpoint := range []string{"", "minio:9000", "ftp://minio", "http://u:s3cr3t@minio", "http://minio/path", "http://minio?s3cr3t", "http://minio#x", "http://"} {
		if _, err := bucket.ParseEndpoint(endpoint); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bucket.Error{
		"<Error><Code> NoSuchKey </Code><Message>x</Message></Error>":      {Code: "NoSuchKey"},
		"<Error><Code>PermanentRedirect</Code><Region>eu</Region></Error>": {Code: "PermanentRedirect", Region: "eu"},
		"<Error><Code>cut":                    {},
		"<html></html>":                       {},
		"":                                    {},
		"<Code>" + strings.Repeat("x", 1<<20): {},
		strings.Repeat("x", 1<<20) + "<Code>y</Code>": {},
	} {
		if got, err := bucket.ReadError(strings.NewReader(body)); err != nil || got != want {
			t.Errorf("%.40q: %+v, %v", body, got, err)
		}
	}
}
