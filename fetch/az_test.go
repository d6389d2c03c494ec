package fetch_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/blobserver"
)

// The key of the account in these tests, and a shared access signature. Nothing that inith says may hold them.
const (
	blobKey = "czNjcjN0LWtleQ=="
	blobSAS = "sv=2021-12-02&sp=rl&se=2999-01-01T00%3A00%3A00Z&sig=s3cr3t%2Bsig%3D"
)

func startAzure(tb testing.TB) (*blobserver.Server, fetch.Azure) {
	tb.Helper()
	s := blobserver.Start()
	tb.Cleanup(s.Close)
	s.Key, s.SAS = blobKey, blobSAS
	return s, fetch.Azure{Endpoint: parse(tb, s.URL), Login: fetch.Entra{MetadataEndpoint: s.URL}}
}

// hasNoBlobSecret checks that a text has nothing of what proves who we are.
func hasNoBlobSecret(tb testing.TB, text string) {
	tb.Helper()
	for _, secret := range []string{blobKey, "s3cr3t", "sig=", "SharedKey", "eyJ."} {
		if strings.Contains(text, secret) {
			tb.Errorf("%q is shown: %s", secret, text)
		}
	}
}

// TestAZ fetches blobs of each size, by each kind of credentials, and sends no request for the bytes again.
func TestAZ(t *testing.T) {
	t.Parallel()
	s, config := startAzure(t)
	key, sas := config, config
	key.Key = blobKey
	sas.Account, sas.SAS = "account", blobSAS
	for name, config := range map[string]fetch.Azure{"token": config, "key": key, "SAS": sas} {
		for url, blob := range map[string]string{
			"az://account/models/model.bin": "model.bin", "az://account/models/empty": "empty", "az://account/models/a//b/../c": "a//b/../c",
			"az://account/models/a%20b+c%25%23%3F%C3%BC=:@$&,;!": "a b+c%#?ü=:@$&,;!", "az://account/models//abs": "/abs",
		} {
			b := content(map[string]int{"model.bin": 9<<20 + 17, "empty": 0}[blob] + len(blob)%7)
			if blob == "empty" {
				b = nil
			}
			s.PutBytes(blob, b)
			dest := filepath.Join(t.TempDir(), "file")
			file := fetch.File{URL: parse(t, url), Dest: dest}
			result, err := run(t, &fetch.Fetcher{Azure: config}, file)
			if err != nil {
				t.Errorf("%s by %s: %v", url, name, err)
				continue
			}
			if got, _ := os.ReadFile(dest); !bytes.Equal(got, b) || result.Digest != digestOf(b) || result.Evidence != fetch.EvidenceServer && blob != "empty" {
				t.Errorf("%s by %s: %d bytes, %+v", url, name, len(got), result)
			}
			gets := len(s.Requests("GET"))
			if again, err := run(t, &fetch.Fetcher{Azure: config}, file); err != nil || !again.Skipped || again.Fetched != 0 || blob != "model.bin" && len(s.Requests("GET")) != gets {
				t.Errorf("%s by %s, again: %+v, %v", url, name, again, err)
			}
			hasNoBlobSecret(t, stateText(t, filepath.Dir(dest)))
		}
	}
}

// stateText returns what inith keeps in a directory.
func stateText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, ".inith", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state: %v", err)
	}
	var all strings.Builder
	for _, name := range files {
		b, _ := os.ReadFile(name)
		_, _ = all.Write(b)
	}
	return all.String()
}

// TestAZEvidence compares with the MD5 that the store has of the blob, and with no other.
func TestAZEvidence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		blob     blobserver.Blob
		evidence fetch.Evidence
		refused  bool
	}{
		"md5":   {blobserver.Blob{}, fetch.EvidenceServer, false},
		"none":  {blobserver.Blob{NoMD5: true}, fetch.EvidenceSize, false},
		"wrong": {blobserver.Blob{MD5: base64.StdEncoding.EncodeToString(make([]byte, 16))}, 0, true},
		"odd":   {blobserver.Blob{MD5: "????"}, fetch.EvidenceSize, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, config := startAzure(t)
			c.blob.Content = []byte("123456789")
			s.Put("k", c.blob)
			dest := filepath.Join(t.TempDir(), "k")
			result, err := run(t, &fetch.Fetcher{Azure: config}, fetch.File{URL: parse(t, "az://account/models/k"), Dest: dest})
			if mismatch, ok := errors.AsType[*fetch.DigestError](err); ok != c.refused || ok && mismatch.Evidence != fetch.EvidenceServer {
				t.Fatalf("err %v", err)
			}
			if !c.refused && (err != nil || result.Evidence != c.evidence) {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
}

// TestAZRefusals says what a refusal means, by whatever proves who asks, and quotes nothing of what the server repeats.
func TestAZRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code       string
		status     int
		want, hint string
	}{
		"container":     {"ContainerNotFound", 404, "there is no container models", "Check the account"},
		"blob":          {"BlobNotFound", 404, "the container models has no such blob", "upper and lower case"},
		"404":           {"", 404, "no such blob, or no such container", "upper and lower case"},
		"signature":     {"AuthenticationFailed", 403, "the signature is not accepted", "Check the key of the account"},
		"permission":    {"AuthorizationPermissionMismatch", 403, "answered status 403: access is denied", ""},
		"token":         {"InvalidAuthenticationInfo", 401, "", ""},
		"public access": {"PublicAccessNotPermitted", 409, "answered status 409: access is denied", ""},
		"archived":      {"BlobArchived", 409, "the blob is archived", "Rehydrate"},
		"unknown":       {"Xs3cr3t", 418, "not as Azure Blob Storage does", "Check the endpoint"},
	} {
		for by, edit := range map[string]func(a *fetch.Azure){
			"token": func(*fetch.Azure) {}, "key": func(a *fetch.Azure) { a.Key = blobKey }, "SAS": func(a *fetch.Azure) { a.SAS = blobSAS },
			"nothing": func(a *fetch.Azure) { a.Anonymous = true },
		} {
			t.Run(name+" by "+by, func(t *testing.T) {
				t.Parallel()
				s, config := startAzure(t)
				edit(&config)
				s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
					s.Refuse(w, r, c.status, c.code)
					return true
				}
				_, err := run(t, &fetch.Fetcher{Azure: config}, fetch.File{URL: parse(t, "az://account/models/k"), Dest: filepath.Join(t.TempDir(), "k")})
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) || hintOf(err) == "" {
					t.Errorf("%v; hint: %s", err, hintOf(err))
				}
				hasNoBlobSecret(t, err.Error()+hintOf(err))
			})
		}
	}
}

// TestAZCredentials sends nothing that proves who asks where that is asked for, and what is of one account to no other one; nor a
// token or a signature to an endpoint that the URL names.
func TestAZCredentials(t *testing.T) {
	t.Parallel()
	s, config := startAzure(t)
	s.PutBytes("k", []byte("x"))
	fetched := func(url string, edit func(a *fetch.Azure)) error {
		config := config
		edit(&config)
		_, err := run(t, &fetch.Fetcher{Azure: config}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "k")})
		return err
	}
	const url = "az://account/models/k"
	if err := fetched(url+"?anonymous=true", func(*fetch.Azure) {}); err == nil || !strings.Contains(hintOf(err), "had no credentials") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	if err := fetched(url, func(a *fetch.Azure) { a.Account, a.Key, a.SAS = "another", "AAAA", "sig=s3cr3t" }); err != nil || s.Given() != 1 {
		t.Errorf("the key of another account: %v, %d tokens", err, s.Given())
	}
	wrong := func(a *fetch.Azure) { a.Key = "AAAA" }
	if err := fetched(url, wrong); err == nil || !strings.Contains(err.Error(), "AuthenticationFailed: the signature is not accepted") {
		t.Errorf("%v", err)
	}
	s.Public = true
	for _, edit := range []func(a *fetch.Azure){func(a *fetch.Azure) { a.Anonymous, a.Key = true, "AAAA" }, func(a *fetch.Azure) { a.Anonymous = true }} {
		if err := fetched(url, edit); err != nil || s.Given() != 1 {
			t.Errorf("%v, %d tokens", err, s.Given())
		}
	}
	err := fetched(url, func(a *fetch.Azure) { a.Login = fetch.Entra{NoMetadata: true} })
	if err == nil || !strings.Contains(err.Error(), "no credentials to sign the request with") || !strings.Contains(hintOf(err), "--no-sign-request") {
		t.Errorf("%v; hint: %s", err, hintOf(err))
	}
	for _, edit := range []func(a *fetch.Azure){func(a *fetch.Azure) { a.SAS = blobSAS }, func(*fetch.Azure) {}} {
		for endpoint, want := range map[string]string{
			"http://blob.example.com": "the endpoint has no TLS", "https://blob.example.com": "the URL names an endpoint of its own",
			"https://evilblob.core.windows.net.example.com": "the URL names an endpoint of its own",
		} {
			err := fetched(url+"?endpoint="+endpoint, edit)
			if err == nil || !strings.Contains(err.Error(), want) || s.Given() != 1 {
				t.Errorf("%s: %v, %d tokens", endpoint, err, s.Given())
			}
		}
	}
}

// TestAZURLs refuses what names no blob before anything is sent.
func TestAZURLs(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"az:///models/k", "az://account", "az://account/", "az://account//k", "az://Account_/models/k", "az://account/Models/k",
		"az://id:pw@account/models/k", "az://account:80/models/k", "az://account/models/k#pw", "az://account/models/k?sig=pw",
		"az://account/models/k?colour=pw", "az://account/models/k?endpoint=ftp://pw", "az://account/models/k/?versionId=1", "az://account/models/k?anonymous=pw",
		"az://account.evil.com/models/k",
	} {
		if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, raw), Dest: "x"}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for name, bad := range map[string]fetch.Azure{
		"endpoint": {Endpoint: parse(t, "https://u:s3cr3t@host")}, "key": {Key: "s3cr3t!"}, "SAS": {SAS: "s3cr3t"}, "line": {SAS: "sig=s3cr3t\n"},
	} {
		if _, err := (&fetch.Fetcher{Azure: bad}).Open(fetch.File{URL: parse(t, "az://account/models/k"), Dest: "x"}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&fetch.Fetcher{}).Open(fetch.File{URL: parse(t, "az://account/models/k"), Dest: "x", BearerFile: "/x"}); err == nil {
		t.Error("a bearer file is for a signed request")
	}
}

// TestAZRedirect follows none: what proves who asks is for one host, and goes to no other.
func TestAZRedirect(t *testing.T) {
	t.Parallel()
	s, config := startAzure(t)
	other, _ := startAzure(t)
	other.Public = true
	other.PutBytes("k", []byte("x"))
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.RequestURI, http.StatusTemporaryRedirect)
		return true
	}
	config.SAS = blobSAS
	_, err := run(t, &fetch.Fetcher{Azure: config}, fetch.File{URL: parse(t, "az://account/models/k"), Dest: filepath.Join(t.TempDir(), "k")})
	if err == nil || len(other.Requests("")) != 0 {
		t.Errorf("%v, %q", err, other.Requests(""))
	}
	hasNoBlobSecret(t, err.Error())
}

// TestAZDirectory fetches all blobs below a name, with a slash at the end or without, and nothing beside it; directories of an
// account with a hierarchical namespace are blobs too, and no files. A second run lists, and asks for no blob.
func TestAZDirectory(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"az://account/models/model", "az://account/models/model/"} {
		for _, by := range []string{"token", "key", "SAS"} {
			s, config := startAzure(t)
			config.Key = map[string]string{"key": blobKey}[by]
			config.SAS = map[string]string{"SAS": blobSAS}[by]
			s.PageSize = 2
			for name, b := range map[string][]byte{
				"model/a": []byte("a"), "model/b/c d+e%<&>": []byte("c"), "model/empty": {}, "model/": {}, "model/d/": {}, "model-v2/x": []byte("x"),
				"modelx": []byte("x"), "model/large": content(6 << 20),
			} {
				s.PutBytes(name, b)
			}
			s.Put("model", blobserver.Blob{Directory: true})
			s.Put("model/b", blobserver.Blob{Directory: true})
			dir := filepath.Join(t.TempDir(), "model")
			file := fetch.File{URL: parse(t, url), Dest: dir}
			_, err := run(t, &fetch.Fetcher{Azure: config}, file)
			if got := treeOf(t, dir); err != nil || !slices.Equal(got, []string{"a", "b/c d+e%<&>", "empty", "large"}) {
				t.Errorf("%s by %s: %q, %v", url, by, got, err)
				continue
			}
			gets := func() int { return len(s.Requests("GET /account/models/model/a")) } // of the large one, some may arrive late
			before := gets()
			again, err := run(t, &fetch.Fetcher{Azure: config}, file)
			if err != nil || !again.Skipped || again.Fetched != 0 || gets() != before {
				t.Errorf("%s by %s, again: %+v, %v, %q", url, by, again, err, s.Requests("GET"))
			}
			s.PutBytes("model/a", []byte("another"))
			if changed, err := run(t, &fetch.Fetcher{Azure: config}, file); err != nil || gets() != before+1 || changed.Fetched != int64(len("another")) {
				t.Errorf("%s by %s, one file changed: %+v, %v", url, by, changed, err)
			}
		}
	}
	s, config := startAzure(t)
	s.Put("none", blobserver.Blob{Directory: true})
	for url, want := range map[string]string{
		"az://account/models/none": "it is a directory without files", "az://account/models/none/": "there are no files in it",
		"az://account/other/none/": "there is no container other",
	} {
		_, err := run(t, &fetch.Fetcher{Azure: config}, fetch.File{URL: parse(t, url), Dest: filepath.Join(t.TempDir(), "x")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
