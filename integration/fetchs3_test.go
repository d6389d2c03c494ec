package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/testcontainers/testcontainers-go"
)

// A bucketSite is Versity's S3 gateway with TLS, and inith on this machine.
type bucketSite struct {
	addr   string
	client *s3.Client
	env    []string // of inith
	server *server
}

func startBucketSite(t *testing.T) *bucketSite {
	t.Helper()
	addr := freeAddr(t)
	b := &bucketSite{addr: addr, client: s3Client("https://" + addr)}
	b.server = startS3(t, addr, withCertificate(t), testcontainers.WithCmdArgs("--cert", "/tls.crt", "--key", "/tls.key"))
	b.env = []string{
		"AWS_ENDPOINT_URL_S3=https://" + addr, "AWS_ACCESS_KEY_ID=app", "AWS_SECRET_ACCESS_KEY=" + password, "INITH_FETCH_CA_FILE=" + caFile(t),
		"AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=*",
	}
	poll(t, 5*time.Minute, func(ctx context.Context) error {
		_, err := b.client.ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	})
	return b
}

// put writes an object, by the library of AWS.
func (b *bucketSite) put(t *testing.T, key string, content []byte, edit ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String("models"), Key: aws.String(key), Body: bytes.NewReader(content)}
	for _, f := range edit {
		f(in)
	}
	out, err := b.client.PutObject(t.Context(), in)
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return out
}

// fetch runs inith with variables that override those of the site.
func (b *bucketSite) fetch(ctx context.Context, t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, append([]string{"fetch", "--log-level=debug"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(slices.Clip(b.env), env...), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	hasNoSecret(t, stderr.String()+stdout.String())
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// fetched fetches an object to a new place, and returns what inith says of it.
func (b *bucketSite) fetched(t *testing.T, env []string, url string, want []byte, args ...string) fetched {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "file")
	r := b.fetch(t.Context(), t, env, append([]string{url, dest, "--json"}, args...)...)
	var f fetched
	if err := json.Unmarshal([]byte(r.stdout), &f); r.code != 0 || err != nil {
		t.Errorf("%s: code %d, %v; stderr:\n%s", url, r.code, err, r.stderr)
		return f
	}
	if got, err := os.ReadFile(dest); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes, want %d, the same: %v; %v", url, len(got), len(want), bytes.Equal(got, want), err)
	}
	return f
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// TestFetchS3 fetches objects that AWS's own library has written from a real server, with TLS and authentication.
func TestFetchS3(t *testing.T) {
	t.Parallel()
	b := startBucketSite(t)
	t.Run("sizes and names", b.testNames)
	t.Run("evidence", b.testEvidence)
	t.Run("versions", b.testVersions)
	t.Run("refusals", b.testRefusals)
	t.Run("anonymous", b.testAnonymous)
	t.Run("directory", b.testDirectory)
	t.Run("killed", b.testKilled)
	t.Run("changed", b.testChanged)
}

func (b *bucketSite) testNames(t *testing.T) {
	t.Parallel()
	for key, url := range map[string]string{
		"model.bin": "s3://models/model.bin", "empty": "s3://models/empty", "a/b c+d%25?é.bin": "s3://models/a/b%20c+d%2525%3F%C3%A9.bin",
		"q=&:@$,;!'()*": "s3://models/q=&:@$,;!'()*",
	} {
		content := randomBytes(map[string]int{"model.bin": 20<<20 + 3, "empty": 0}[key] + len(key)*map[bool]int{true: 0, false: 1}[key == "empty"])
		b.put(t, key, content)
		b.fetched(t, nil, url, content)
		b.fetched(t, []string{"AWS_REGION=us-east-1"}, url+"?use_path_style=true", content)
	}
	b.fetched(t, []string{"AWS_REGION=eu-west-1"}, "s3://models/empty", nil) // the server names the right one
}

// testEvidence compares with the checksum that the client has given to the server.
func (b *bucketSite) testEvidence(t *testing.T) {
	t.Parallel()
	content := randomBytes(9 << 20)
	for _, algorithm := range []types.ChecksumAlgorithm{
		types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256,
	} {
		key := "checksum-" + string(algorithm)
		b.put(t, key, content, func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = algorithm })
		if f := b.fetched(t, nil, "s3://models/"+key, content, "--evidence=server"); f.Evidence != "server" {
			t.Errorf("%s: %+v", algorithm, f)
		}
	}
}

func (b *bucketSite) testVersions(t *testing.T) {
	t.Parallel()
	_, err := b.client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String("models"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := b.put(t, "versioned", []byte("one"))
	b.put(t, "versioned", []byte("two"))
	if first.VersionId == nil {
		t.Fatal("the server has no versions")
	}
	b.fetched(t, nil, "s3://models/versioned?versionId="+*first.VersionId, []byte("one"))
	b.fetched(t, nil, "s3://models/versioned", []byte("two"))
}

func (b *bucketSite) testRefusals(t *testing.T) {
	t.Parallel()
	b.put(t, "refused", []byte("x"))
	for name, c := range map[string]struct {
		env  []string
		url  string
		want string
	}{
		"no key":        {nil, "s3://models/none", "NoSuchKey: the bucket models has no such object"},
		"no bucket":     {nil, "s3://others/none", "NoSuchBucket: there is no bucket others"},
		"wrong secret":  {[]string{"AWS_SECRET_ACCESS_KEY=" + wrongPassword}, "s3://models/refused", "SignatureDoesNotMatch: the signature is not accepted"},
		"unknown ID":    {[]string{"AWS_ACCESS_KEY_ID=other"}, "s3://models/refused", "answered status 404: not found"}, // Amazon says 403
		"unsigned":      {[]string{"INITH_FETCH_NO_SIGN_REQUEST=true"}, "s3://models/refused", "access is denied"},
		"no authority":  {[]string{"INITH_FETCH_CA_FILE="}, "s3://models/refused", "certificate"},
		"no directory":  {nil, "s3://models/none/", "there are no files in it"},
		"another place": {[]string{"AWS_ENDPOINT_URL_S3=https://" + freeAddr(t)}, "s3://models/refused", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.fetch(t.Context(), t, c.env, c.url, filepath.Join(t.TempDir(), "x"), "--stall-timeout=2s")
			if r.code != 1 || r.stdout != "" {
				t.Errorf("code %d and stdout %q, want 1 and nothing", r.code, r.stdout)
			}
			hasAll(t, r.stderr, "inith: error: fetch "+c.url+": ", c.want)
		})
	}
}

// testAnonymous reads a key that everybody may.
func (b *bucketSite) testAnonymous(t *testing.T) {
	t.Parallel()
	b.put(t, "public/x", []byte("public"))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::models/public/*"}]}`
	if _, err := b.client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("models"), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	none := []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}
	b.fetched(t, none, "s3://models/public/x", []byte("public"), "--no-sign-request")
	b.fetched(t, none, "s3://models/public/x?anonymous=true", []byte("public"))
}

// testDirectory fetches a directory whose listing has two pages, and none of its sibling.
func (b *bucketSite) testDirectory(t *testing.T) {
	t.Parallel()
	const count = 1001
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < count; i += 8 {
				b.put(t, fmt.Sprintf("dir/%d/a b+%%%d", i%10, i), fmt.Append(nil, i))
			}
		})
	}
	wg.Wait()
	b.put(t, "dir/empty", nil)
	b.put(t, "dir/marker/", nil)
	b.put(t, "dir-v2/x", []byte("x"))
	dest := filepath.Join(t.TempDir(), "dir")
	for _, url := range []string{"s3://models/dir/", "s3://models/dir"} {
		r := b.fetch(t.Context(), t, nil, url, dest, "--write-sums")
		if r.code != 0 || r.stdout != dest+"\n" {
			t.Fatalf("%s: code %d, stdout %q; stderr:\n%s", url, r.code, r.stdout, r.stderr)
		}
		files, _ := filepath.Glob(filepath.Join(dest, "*", "*"))
		if len(files) != count {
			t.Errorf("%s: %d files, want %d", url, len(files), count)
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
	if r := b.fetch(t.Context(), t, nil, "s3://models/dir", dest, "--write-sums"); !strings.Contains(r.stderr, `msg="up to date"`) {
		t.Errorf("a second run: code %d; stderr:\n%s", r.code, r.stderr)
	}
}

// testKilled ends inith as the kernel does when a node has no memory left, and runs it again.
func (b *bucketSite) testKilled(t *testing.T) {
	t.Parallel()
	content := randomBytes(24 << 20)
	b.put(t, "killed", content)
	dest := filepath.Join(t.TempDir(), "file")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // until some pieces are there
		for ctx.Err() == nil {
			if journals, _ := filepath.Glob(filepath.Join(filepath.Dir(dest), ".inith", "*", "*.journal")); len(journals) > 0 {
				if journal, _ := os.ReadFile(journals[0]); bytes.Count(journal, []byte("\n")) > 3 {
					cancel() // SIGKILL
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if r := b.fetch(ctx, t, nil, "s3://models/killed", dest, "--limit-rate=6MiB"); r.code != -1 {
		t.Fatalf("code %d, want it killed; stderr:\n%s", r.code, r.stderr)
	}
	r := b.fetch(t.Context(), t, nil, "s3://models/killed", dest, "--json")
	var f fetched
	if err := json.Unmarshal([]byte(r.stdout), &f); err != nil || r.code != 0 || f.Resumed < 1<<20 || f.Evidence != "server" {
		t.Errorf("code %d, %+v, %v; stderr:\n%s", r.code, f, err, r.stderr)
	}
	if got, err := os.ReadFile(dest); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, and not those of the object: %v", len(got), err)
	}
}

// testChanged replaces the object while inith fetches it: the server refuses ranges of another version.
func (b *bucketSite) testChanged(t *testing.T) {
	t.Parallel()
	old := randomBytes(24 << 20)
	b.put(t, "changed", old)
	later := bytes.Clone(old)
	for i := range later {
		later[i] ^= 1
	}
	dest := filepath.Join(t.TempDir(), "file")
	go func() {
		for t.Context().Err() == nil {
			if parts, _ := filepath.Glob(filepath.Join(filepath.Dir(dest), ".inith", "*", "*.part")); len(parts) > 0 {
				_, _ = b.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("models"), Key: aws.String("changed"), Body: bytes.NewReader(later)})
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	r := b.fetch(t.Context(), t, nil, "s3://models/changed", dest, "--limit-rate=12MiB")
	got, err := os.ReadFile(dest)
	if r.code != 0 || err != nil || !bytes.Equal(got, later) && !bytes.Equal(got, old) {
		t.Errorf("code %d, %v, the old: %v, the new: %v; stderr:\n%s", r.code, err, bytes.Equal(got, old), bytes.Equal(got, later), r.stderr)
	}
}

// TestFetchS3Large fetches 5 GiB, of which the server has a sparse file: its offsets do not fit into 32 bits. The server knows no ETag
// of a file that was not written through it.
func TestFetchS3Large(t *testing.T) {
	t.Parallel()
	const size = 5<<30 + 1
	data := sharedDir(t)
	name := filepath.Join(data, "buckets", "models", "sparse")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Truncate(name, size), os.Chtimes(name, old, old)); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	_, _ = h.Write([]byte("x"))
	zeros := make([]byte, 1<<20)
	for left := int64(size - 1); left > 0; left -= int64(len(zeros)) {
		_, _ = h.Write(zeros[:min(left, int64(len(zeros)))])
	}
	addr := freeAddr(t)
	b := &bucketSite{addr: addr, env: []string{
		"AWS_ENDPOINT_URL_S3=http://" + addr, "AWS_ACCESS_KEY_ID=app", "AWS_SECRET_ACCESS_KEY=" + password, "NO_PROXY=*",
	}}
	startS3(t, addr, withDir(data, "/data"), testcontainers.WithCmdArgs("--dir", "/data"))
	dest := filepath.Join(t.TempDir(), "file")
	r := b.fetch(t.Context(), t, nil, "s3://models/sparse", dest, "--json", "--sha256="+hex.EncodeToString(h.Sum(nil)))
	if f := wantFetched(t, r); f.Size != size {
		t.Errorf("%+v", f)
	}
}
