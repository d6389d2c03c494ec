package sigv4_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/sigv4"
)

const (
	docKey    = "AKIAIOSFODNN7EXAMPLE"
	docSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// TestDocumentedSignatures has the examples of AWS's documentation.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html#example-signature-calculations
func TestDocumentedSignatures(t *testing.T) {
	t.Parallel()
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		method, target string
		header         map[string]string
		payload        string
		signed, want   string
	}{
		"get object": {
			"GET", "/test.txt",
			map[string]string{"Range": "bytes=0-9"},
			"",
			"host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		"put object": {
			"PUT", "/test$file.text",
			map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"},
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		},
		"get lifecycle": {
			"GET", "/?lifecycle", nil, "",
			"host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		"list objects": {
			"GET", "/?max-keys=2&prefix=J", nil, "",
			"host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
		"list objects, in another order": {
			"GET", "/?prefix=J&max-keys=2",
			map[string]string{"User-Agent": "any"},
			"",
			"host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequest(tt.method, "https://examplebucket.s3.amazonaws.com"+tt.target, nil)
			for key, value := range tt.header {
				req.Header.Set(key, value)
			}
			sigv4.Sign(req, sigv4.Credentials{KeyID: docKey, Secret: docSecret}, sigv4.Scope{Region: "us-east-1", Time: at, Payload: tt.payload})
			want := "AWS4-HMAC-SHA256 Credential=" + docKey + "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + tt.signed + ",Signature=" + tt.want
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestSign checks what does not show in the documented examples.
func TestSign(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	sign := func(change func(*http.Request), c sigv4.Credentials) http.Header {
		req := httptest.NewRequest(http.MethodGet, "http://minio:9000/bucket/a%20b", nil)
		req.Host = "" // as clients have it, for that of the URL
		change(req)
		sigv4.Sign(req, c, sigv4.Scope{Region: "eu-west-1", Time: at})
		return req.Header
	}
	nothing := func(*http.Request) {}
	plain := sign(nothing, sigv4.Credentials{KeyID: docKey, Secret: docSecret})
	if got := plain.Get("X-Amz-Date"); got != "20260102T030405Z" {
		t.Errorf("X-Amz-Date: %s", got)
	}
	again := sign(func(r *http.Request) { r.Header = plain.Clone() }, sigv4.Credentials{KeyID: docKey, Secret: docSecret})
	if plain.Get("Authorization") != again.Get("Authorization") {
		t.Error("signing twice gives another signature")
	}
	with := sign(nothing, sigv4.Credentials{KeyID: docKey, Secret: docSecret, Token: "session"})
	if with.Get("X-Amz-Security-Token") != "session" || !strings.Contains(with.Get("Authorization"), ";x-amz-security-token,") {
		t.Errorf("the token is not signed: %v", with)
	}
	for what, change := range map[string]func(*http.Request){
		"host":   func(r *http.Request) { r.Host = "minio:9001" },
		"method": func(r *http.Request) { r.Method = http.MethodHead },
		"path":   func(r *http.Request) { r.URL.Path = "/bucket/a+b" },
		"query":  func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"header": func(r *http.Request) { r.Header.Set("Range", "bytes=0-") },
	} {
		if got := sign(change, sigv4.Credentials{KeyID: docKey, Secret: docSecret}); got.Get("Authorization") == plain.Get("Authorization") {
			t.Errorf("%s is not signed", what)
		}
	}
	spaced := sign(func(r *http.Request) { r.Header["X-A"] = []string{" a  b ", "c"} }, sigv4.Credentials{})
	single := sign(func(r *http.Request) { r.Header.Set("X-A", "a b,c") }, sigv4.Credentials{})
	if spaced.Get("Authorization") != single.Get("Authorization") {
		t.Error("white space of a header is signed")
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"a/b c": "a/b%20c", "+=&$:@": "%2B%3D%26%24%3A%40", "é~-._": "%C3%A9~-._", "": ""} {
		if got := sigv4.Escape(s, true); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	if got := sigv4.Escape("a/b", false); got != "a%2Fb" {
		t.Errorf("a/b: %q", got)
	}
}
