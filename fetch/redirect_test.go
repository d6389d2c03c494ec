package fetch_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
)

// TestRedirectToNowhere ends at once, without the words of net/http, which quote
// the link.
func TestRedirectToNowhere(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"http://[::1/x?token=s3cr3t", "https://host:port/?s3cr3t", "http://%zz/?s3cr3t"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}))
		defer server.Close()
		result, err := run(t, &fetch.Fetcher{}, fetch.File{URL: parse(t, server.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")})
		if err == nil || result.Retries > 0 || !strings.Contains(err.Error(), "redirected to what is not a URL") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v after %d retries", location, err, result.Retries)
		}
	}
}
