package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// A shelf is an HTTP server with files and a list of their digests.
type shelf struct {
	url string

	mu    sync.Mutex
	files map[string][]byte // by path
	asked []string          // for files, in their order
}

func startShelf(t *testing.T, files map[string][]byte) *shelf {
	t.Helper()
	s := &shelf{files: files}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		b, ok := s.files[r.URL.Path]
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		if !ok || r.Header.Get("Authorization") != "Bearer t0k3n" || r.URL.Query().Get("sig") != "s3cr3t" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *shelf) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// put gives files other bytes, and says so in the list.
func (s *shelf) put(list string, files map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for name, b := range files {
		s.files["/model/"+name] = b
		fmt.Fprintf(&text, "%x  ./%s\n", sha256.Sum256(b), name)
	}
	s.files[list] = []byte(text.String())
}

func (s *shelf) file(t *testing.T, dest string) fetch.File {
	t.Helper()
	return fetch.File{
		URL: parse(t, s.url+"/model/?sig=s3cr3t"), SumsURL: parse(t, s.url+"/model/SHA256SUMS?sig=s3cr3t"), Dest: dest,
		Headers: http.Header{"Authorization": {"Bearer t0k3n"}},
	}
}

// TestDirectoryByList fetches the files that a list names, from below the URL, each with its digest. A second run asks for the list.
func TestDirectoryByList(t *testing.T) {
	t.Parallel()
	s := startShelf(t, map[string][]byte{})
	files := map[string][]byte{"a.bin": content(3 << 20), "b c/ü%#?.txt": []byte("b"), "empty": {}}
	s.put("/model/SHA256SUMS", files)
	dir := filepath.Join(t.TempDir(), "model")
	file := s.file(t, dir)
	file.Evidence = fetch.EvidenceSums
	result, err := run(t, &fetch.Fetcher{Connections: 1}, file)
	if err != nil || result.Files != len(files) || result.Size != int64(3<<20+1) || result.Evidence != fetch.EvidenceSums {
		t.Fatalf("%+v, %v", result, err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := s.requests()
	if again, err := run(t, &fetch.Fetcher{Connections: 1}, file); err != nil || !again.Skipped || s.requests() != before+1 {
		t.Errorf("again: %+v, %v, %d requests", again, err, s.requests()-before)
	}
	files["empty"] = []byte("no more")
	s.put("/model/SHA256SUMS", files)
	before = s.requests()
	if _, err := run(t, &fetch.Fetcher{Connections: 1}, file); err != nil || s.requests() != before+2 {
		t.Errorf("one file changed: %v, %d requests", err, s.requests()-before)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "empty")); string(b) != "no more" {
		t.Errorf("the file that changed has %q", b)
	}
}

// TestDirectoryByListSelected applies the options of directories.
func TestDirectoryByListSelected(t *testing.T) {
	t.Parallel()
	s := startShelf(t, map[string][]byte{})
	s.put("/model/SHA256SUMS", map[string][]byte{"a.bin": []byte("a"), "b.txt": []byte("b")})
	dir := filepath.Join(t.TempDir(), "model")
	file := s.file(t, dir)
	file.Include, file.WriteSums = []string{"*.bin"}, true
	if _, err := run(t, &fetch.Fetcher{Connections: 1}, file); err != nil {
		t.Fatal(err)
	}
	if got := treeOf(t, dir); !slices.Equal(got, []string{"SHA256SUMS", "a.bin"}) {
		t.Errorf("got %q", got)
	}
	before := s.requests()
	if again, err := run(t, &fetch.Fetcher{Connections: 1}, file); err != nil || !again.Skipped || s.requests() != before {
		t.Errorf("again: %+v, %v, %d requests", again, err, s.requests()-before)
	}
}

// TestDirectoryByListWrong writes nothing where a file has not the digest of the list.
func TestDirectoryByListWrong(t *testing.T) {
	t.Parallel()
	s := startShelf(t, map[string][]byte{})
	s.put("/model/SHA256SUMS", map[string][]byte{"a.bin": []byte("a"), "b.bin": content(2 << 20)})
	s.files["/model/b.bin"] = content(2<<20 - 1)
	dir := filepath.Join(t.TempDir(), "model")
	_, err := run(t, &fetch.Fetcher{}, s.file(t, dir))
	wrong, ok := errors.AsType[*fetch.DigestError](err)
	if _, statErr := os.Stat(dir); !ok || statErr == nil || wrong.Evidence != fetch.EvidenceSums {
		t.Fatalf("got %v, %v", err, statErr)
	}
	if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "t0k3n") {
		t.Errorf("a secret is in %v", err)
	}
}

// TestDirectoryByOddList reads lists with several digests of a file, and refuses those that do not tell what is in the directory.
func TestDirectoryByOddList(t *testing.T) {
	t.Parallel()
	a := []byte("a")
	sum, long := fmt.Sprintf("%x", sha256.Sum256(a)), fmt.Sprintf("%x", sha512.Sum512(a))
	for _, c := range []struct{ name, list, want string }{
		{"two algorithms", sum + "  a\n" + long + "  a\n", ""},
		{"tagged", "SHA256 (a) = " + sum + "\n", ""},
		{"as find prints it", sum + "  .//a\n", ""},
		{"two digests", sum + "  a\n" + strings.Repeat("0", 64) + "  a\n", "two digests"},
		{"no name", sum + "\n", "names no file"},
		{"weak", "0cc175b9c0f1b6a831c399e269772661  a\n", "no digests"},
		{"above", sum + "  ../a\n", "cannot be used"},
		{"absolute", sum + "  /a\n", "cannot be used"},
		{"state", sum + "  .inith/a\n", "cannot be used"},
		{"missing", sum + "  b\n", "404"},
	} {
		s := startShelf(t, map[string][]byte{"/model/a": a, "/model/SHA256SUMS": []byte(c.list)})
		dir := filepath.Join(t.TempDir(), "model")
		_, err := run(t, &fetch.Fetcher{}, s.file(t, dir))
		if c.want == "" {
			if b, readErr := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != "a" {
				t.Errorf("%s: %v, %v", c.name, err, readErr)
			}
			continue
		}
		if _, statErr := os.Stat(dir); err == nil || !strings.Contains(err.Error(), c.want) || statErr == nil {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestDirectoryByListResumed is stopped in the middle of a large file, and goes on.
func TestDirectoryByListResumed(t *testing.T) {
	t.Parallel()
	s := startShelf(t, map[string][]byte{})
	large := content(24 << 20)
	s.put("/model/SHA256SUMS", map[string][]byte{"large": large, "a": []byte("a")})
	dir := filepath.Join(t.TempDir(), "model")
	interruptedAt(t, 8<<20, &fetch.Fetcher{RateLimit: 16 << 20}, s.file(t, dir))
	result, err := run(t, &fetch.Fetcher{}, s.file(t, dir))
	if err != nil || result.Resumed == 0 || result.Resumed+result.Fetched > result.Size {
		t.Errorf("%+v, %v", result, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "large")); err != nil || !bytes.Equal(b, large) {
		t.Errorf("the large file: %v", err)
	}
}
