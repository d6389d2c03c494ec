package fetch_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/bucketserver"
)

// Keys of the bucket in these tests. Nothing that inith says may hold them.
func appKey() bucketserver.Key {
	return bucketserver.Key{ID: "AKIAC4NARY", Secret: "s3cr3t/+ key", Token: "t0k3n+/="}
}

func startBucket(tb testing.TB) (*bucketserver.Server, fetch.S3) {
	tb.Helper()
	s := bucketserver.Start(appKey())
	tb.Cleanup(s.Close)
	k := appKey()
	return s, fetch.S3{Endpoint: parse(tb, s.URL), Login: fetch.AWS{KeyID: k.ID, Secret: k.Secret, Token: k.Token, NoMetadata: true}}
}

// hasNoKey checks that a text has nothing of what proves who we are.
func hasNoKey(tb testing.TB, text string) {
	tb.Helper()
	for _, secret := range []string{"C4NARY", "s3cr3t", "t0k3n", "Signature=", "met4data"} {
		if strings.Contains(text, secret) {
			tb.Errorf("%q is shown: %s", secret, text)
		}
	}
}

// TestS3 fetches objects of each size and kind of name, by one request if they are small, and sends none for the bytes again.
func TestS3(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	for url, key := range map[string]string{
		"s3://models/model.bin":                      "model.bin",
		"s3://models/empty":                          "empty",
		"s3://models/a//b/../c":                      "a//b/../c",
		"s3://models/a%20b+c%25%23%3F%C3%BC=:@$&,;!": "a b+c%#?ü=:@$&,;!",
		"s3://models//abs":                           "/abs",
	} {
		b := content(map[string]int{"model.bin": 9<<20 + 17, "empty": 0}[key] + len(key)%7)
		if key == "empty" {
			b = nil
		}
		s.PutBytes(key, b)
		dest := filepath.Join(t.TempDir(), "file")
		file := fetch.File{URL: parse(t, url), Dest: dest}
		before := len(s.Requests(""))
		result, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, file)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got, _ := os.ReadFile(dest); !bytes.Equal(got, b) || result.Digest != digestOf(b) || result.Evidence != fetch.EvidenceSize {
			t.Errorf("%s: %d bytes, %+v", url, len(got), result)
		}
		if n := len(s.Requests("")) - before; n != 1 && key != "model.bin" {
			t.Errorf("%s: %d requests: %q", url, n, s.Requests(""))
		}
		gets := len(s.Requests("GET"))
		if again, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, file); err != nil || !again.Skipped || len(s.Requests("GET")) != gets {
			t.Errorf("%s, again: %+v, %v, %q", url, again, err, s.Requests(""))
		}
	}
}

// TestS3Evidence compares with the checksums that are of the whole object, and with no others.
func TestS3Evidence(t *testing.T) {
	t.Parallel()
	b := []byte("123456789")
	right := func(name string) string {
		return map[string]string{
			"Sha256": base64.StdEncoding.EncodeToString(unhex(t, digestOf(b).Hex)),
			"Crc32c": base64.StdEncoding.EncodeToString(unhex(t, "e3069283")), "Crc32": base64.StdEncoding.EncodeToString(unhex(t, "cbf43926")),
			"Crc64nvme": base64.StdEncoding.EncodeToString(unhex(t, "ae8b14860a799888")),
			"Sha1":      base64.StdEncoding.EncodeToString(unhex(t, "f7c3bc1d808e04732adf679965ccc34ca7ae3441")),
		}[name]
	}
	for name, c := range map[string]struct {
		header   map[string]string
		evidence fetch.Evidence
		refused  bool
	}{
		"sha256":     {map[string]string{"Sha256": right("Sha256"), "Type": "FULL_OBJECT"}, fetch.EvidenceServer, false},
		"crc64nvme":  {map[string]string{"Crc64nvme": right("Crc64nvme"), "Type": "FULL_OBJECT"}, fetch.EvidenceServer, false},
		"crc32c":     {map[string]string{"Crc32c": right("Crc32c")}, fetch.EvidenceServer, false},
		"crc32":      {map[string]string{"Crc32": right("Crc32")}, fetch.EvidenceServer, false},
		"sha1":       {map[string]string{"Sha1": right("Sha1")}, fetch.EvidenceServer, false},
		"composite":  {map[string]string{"Crc32c": right("Crc32"), "Type": "COMPOSITE"}, fetch.EvidenceSize, false},
		"of parts":   {map[string]string{"Sha256": right("Sha256") + "-3"}, fetch.EvidenceSize, false},
		"wrong":      {map[string]string{"Crc64nvme": base64.StdEncoding.EncodeToString(make([]byte, 8))}, 0, true},
		"wrong crc":  {map[string]string{"Crc32": right("Crc32c")}, 0, true},
		"none":       {nil, fetch.EvidenceSize, false},
		"unreadable": {map[string]string{"Crc32": "????"}, fetch.EvidenceSize, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, config := startBucket(t)
			h := http.Header{}
			for key, value := range c.header {
				h.Set("X-Amz-Checksum-"+key, value)
			}
			s.Put("k", bucketserver.Object{Content: bytes.NewReader(b), Size: int64(len(b)), ETag: `"25f9e794323b453885f5181f1b624d0b"`, Header: h})
			dest := filepath.Join(t.TempDir(), "k")
			result, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, "s3://models/k"), Dest: dest})
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
	if crc32.ChecksumIEEE(b) != 0xcbf43926 {
		t.Error("the vector is wrong")
	}
}

// TestS3Refusals says what a refusal means, with its code, and quotes nothing of what the server repeats.
func TestS3Refusals(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status     int
		want, hint string
	}{
		"AccessDenied":          {403, "answered status 403: AccessDenied: access is denied", "s3:GetObject"},
		"NoSuchBucket":          {404, "there is no bucket models", "Check the name"},
		"NoSuchKey":             {404, "the bucket models has no such object", "upper and lower case"},
		"SignatureDoesNotMatch": {403, "the signature is not accepted", "its clock and the server's differ by 26"},
		"RequestTimeTooSkewed":  {403, "the clocks of this node and of the server differ", "its clock and the server's differ by 26"},
		"InvalidAccessKeyId":    {403, "the credentials are not accepted", "belongs to this server"},
		"ExpiredToken":          {400, "the session token has expired", "new temporary credentials"},
		"PermanentRedirect":     {301, "the bucket is in another region, or at another endpoint", "set the region"},
		"InvalidObjectState":    {403, "the object is archived", "Restore it"},
		"AKIAC4NARY":            {403, "answered status 403: access is denied", "s3:GetObject"},
		"Xs3cr3t":               {418, "not as S3 does", "Check the endpoint"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s, config := startBucket(t)
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Date", time.Now().Add(-26*time.Minute).UTC().Format(http.TimeFormat))
				s.Refuse(w, r, c.status, code)
				return true
			}
			_, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, "s3://models/k"), Dest: filepath.Join(t.TempDir(), "k")})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) {
				t.Errorf("%v; hint: %s", err, hintOf(err))
			}
			hasNoKey(t, err.Error()+hintOf(err))
		})
	}
}

// TestS3Sessions replaces the credentials of a session in the middle of a file, however the server says that they have expired,
// and gives up if it accepts none.
func TestS3Sessions(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ExpiredToken", "InvalidAccessKeyId", "InvalidTokenId"} {
		for _, always := range []bool{false, true} {
			t.Run(fmt.Sprint(code, always), func(t *testing.T) {
				t.Parallel()
				s, b := bucketserver.Start(), content(12<<20)
				t.Cleanup(s.Close)
				s.AgentToken, s.ExpiredCode = "t0k3n", code
				s.PutBytes("k", b)
				var once sync.Once
				s.Fault = func(_ http.ResponseWriter, r *http.Request) bool {
					if always {
						s.Expire()
					} else if start := r.Header.Get("Range"); start != "" && start != "bytes=0-" {
						once.Do(s.Expire)
					}
					return false
				}
				config := fetch.S3{Endpoint: parse(t, s.URL), Login: fetch.AWS{ContainerURI: s.URL + "/agent", ContainerToken: s.AgentToken}}
				file := fetch.File{URL: parse(t, "s3://models/k"), Dest: filepath.Join(t.TempDir(), "k")}
				result, err := run(t, &fetch.Fetcher{S3: config, RateLimit: 8 << 20}, file) // else the first connection may bring all
				if always {
					if err == nil || !strings.Contains(err.Error(), "answered status 40") || s.Given() > 3 {
						t.Errorf("%v after %d credentials", err, s.Given())
					}
					return
				}
				if err != nil || result.Digest != digestOf(b) || s.Given() != 2 {
					t.Errorf("%+v, %v, %d credentials", result, err, s.Given())
				}
			})
		}
	}
}

// hintOf returns the advice in an error.
func hintOf(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Advice() string
	}](err); ok {
		return e.Advice()
	}
	return ""
}

// TestS3Region asks again in the region where the bucket is, once for all.
func TestS3Region(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	s.Region = "eu-central-1"
	b := content(9 << 20)
	s.PutBytes("k", b)
	result, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, fetch.File{URL: parse(t, "s3://models/k"), Dest: filepath.Join(t.TempDir(), "k")})
	if err != nil || result.Digest != digestOf(b) {
		t.Errorf("%+v, %v", result, err)
	}
	config.Region = "eu-central-1"
	before := len(s.Requests(""))
	s.PutBytes("small", b[:10])
	for _, url := range []string{"s3://models/small", "s3://models/small?region=eu-central-1"} {
		if _, err := run(t, &fetch.Fetcher{S3: config, Connections: 1}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")}); err != nil {
			t.Error(err)
		}
		config.Region = ""
	}
	if n := len(s.Requests("")) - before; n != 2 {
		t.Errorf("%d requests in the right region", n)
	}
}

// TestS3Anonymous signs nothing where that is asked for, and looks for no credentials.
func TestS3Anonymous(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	s.PutBytes("k", []byte("x"))
	fetched := func(config fetch.S3, url string) error {
		_, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")})
		return err
	}
	if err := fetched(config, "s3://models/k?anonymous=true"); err == nil || !strings.Contains(hintOf(err), "not signed") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	s.Public = true
	if err := fetched(config, "s3://models/k?anonymous=true"); err != nil {
		t.Error(err)
	}
	config.Login = fetch.AWS{NoMetadata: true}
	err := fetched(config, "s3://models/k")
	if err == nil || !strings.Contains(err.Error(), "no credentials to sign the request with, neither in the environment variables AWS_ACCESS_KEY_ID") ||
		!strings.Contains(hintOf(err), "--no-sign-request") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	config.Anonymous = true
	if err := fetched(config, "s3://models/k"); err != nil {
		t.Error(err)
	}
}

// TestS3Query sends what the query of a URL asks for, with each request.
func TestS3Query(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	s.PutBytes("k", content(9<<20))
	var n, wrong atomic.Int64
	s.Fault = func(_ http.ResponseWriter, r *http.Request) bool {
		n.Add(1)
		if r.Header.Get("X-Amz-Request-Payer") != "requester" || r.URL.Query().Get("versionId") != "v 1" {
			wrong.Add(1)
		}
		return false
	}
	file := fetch.File{URL: parse(t, "s3://models/k?requestPayer=requester&versionId=v%201"), Dest: filepath.Join(t.TempDir(), "k")}
	for i := range 2 { // the second run sends HEAD
		if _, err := run(t, &fetch.Fetcher{S3: config}, file); err != nil || n.Load() <= int64(i) || wrong.Load() > 0 {
			t.Errorf("%v, %d requests, %d without what was asked for", err, n.Load(), wrong.Load())
		}
	}
}

// TestS3Redirect follows none: the signature is for one host, and goes to no other.
func TestS3Redirect(t *testing.T) {
	t.Parallel()
	s, config := startBucket(t)
	other, _ := startBucket(t)
	other.Public = true
	other.PutBytes("k", []byte("x"))
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.RequestURI, http.StatusTemporaryRedirect)
		return true
	}
	_, err := run(t, &fetch.Fetcher{S3: config}, fetch.File{URL: parse(t, "s3://models/k"), Dest: filepath.Join(t.TempDir(), "k")})
	if err == nil || len(other.Requests("")) != 0 || !strings.Contains(err.Error(), "another endpoint") {
		t.Errorf("%v, %q", err, other.Requests(""))
	}
}

// TestS3URLs refuses what names no object before anything is sent.
func TestS3URLs(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"s3:///k", "s3://id:pw@models/k", "s3://models:80/k", "s3://models/k#pw", "s3://models/k?X-Amz-Signature=pw", "s3://models/k?colour=pw",
		"s3://models/k?region=a.b", "s3://models/k?endpoint=ftp://pw", "s3://models/k?requestPayer=pw", "s3://models/k/?versionId=1", "s3://../k",
		"s3://models/k?region=a&region=b",
	} {
		if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, raw), Dest: "x"}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	bad := fetch.S3{Endpoint: parse(t, "https://u:s3cr3t@host")}
	if _, err := (&fetch.Fetcher{S3: bad}).Open(fetch.File{URL: parse(t, "s3://models/k"), Dest: "x"}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
	if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, "s3://models/k"), Dest: "x", BearerFile: "/x"}); err == nil {
		t.Error("a bearer file is for a signed request")
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestS3LateFiles waits for files that are mounted a moment later, at the URL of an object and at that of a directory.
func TestS3LateFiles(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"s3://models/dir/k", "s3://models/dir/"} {
		s, config := startBucket(t)
		s.Region = "eu-west-1"
		s.PutBytes("dir/k", []byte("x"))
		k := appKey()
		dir := t.TempDir()
		config.Login = fetch.AWS{CredentialsFile: filepath.Join(dir, "credentials"), ConfigFile: filepath.Join(dir, "config"), NoMetadata: true}
		f := &fetch.Fetcher{S3: config, RetryMaxWait: time.Millisecond}
		tr, err := f.Open(fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "dest")})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for name, text := range map[string]string{
				"config":      "[default]\nregion = eu-west-1\n",
				"credentials": "[default]\naws_access_key_id=" + k.ID + "\naws_secret_access_key=" + k.Secret + "\naws_session_token=" + k.Token + "\n",
			} {
				for before := tr.Status().Retries; tr.Status().Retries == before && t.Context().Err() == nil; {
					time.Sleep(time.Millisecond)
				}
				whole := filepath.Join(dir, "new")
				_ = os.WriteFile(whole, []byte(text), 0o600)
				_ = os.Rename(whole, filepath.Join(dir, name))
			}
		}()
		if result, err := tr.Run(t.Context()); err != nil || len(s.Requests("")) > 2 {
			t.Errorf("%s: %+v, %v, %q", url, result, err, s.Requests(""))
		}
	}
}
