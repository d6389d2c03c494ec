package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
)

// content returns n bytes that are the same each time.
func content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func digestOf(b []byte) fetch.Digest {
	sum := sha256.Sum256(b)
	return fetch.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func parse(tb testing.TB, raw string) *url.URL {
	tb.Helper()
	u, err := redact.ParseURL(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// stateOf returns the directory of the state of a destination.
func stateOf(dest string) string {
	return filepath.Join(filepath.Dir(dest), ".inith", strconv.Itoa(os.Geteuid()))
}

func TestFetch(t *testing.T) {
	for _, size := range []int{0, 1, 1000, 1 << 20, 1<<20 + 1, 4 << 20, 50<<20 + 12345} {
		b := content(size)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		}))
		defer server.Close()
		dest := filepath.Join(t.TempDir(), "model.bin")
		f := &fetch.Fetcher{}
		tr, err := f.Open(fetch.File{URL: parse(t, server.URL+"/model.bin"), Dest: dest, Digest: digestOf(b)})
		if err != nil {
			t.Fatal(err)
		}
		result, err := tr.Run(t.Context())
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := os.ReadFile(dest)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d bytes: wrong content (%v)", size, err)
		}
		if result.Size != int64(size) || result.Fetched != int64(size) || result.Evidence != fetch.EvidencePinned {
			t.Errorf("result %+v", result)
		}
		entries, _ := os.ReadDir(stateOf(dest))
		for _, e := range entries {
			if e.Name() != "model.bin.receipt" {
				t.Errorf("left: %s", e.Name())
			}
		}
	}
}
