package source_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inith/inith/fetch/source"
)

// TestUnescapedPercent follows redirects to names that a server has not escaped.
func TestUnescapedPercent(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"/100%.bin":               "/100%.bin",
		"/100%":                   "/100%",
		"/a//50%25%2":             "/a//50%%2",
		"/%zz/%41?sig=%zz&x=100%": "/%zz/A?sig=%zz&x=100%",
		"HOST/100%.bin#50%":       "/100%.bin",
		"sub/1%":                  "/sub/1%",
	} {
		got := ""
		var host string
		o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
			host = "http://" + r.Host
			if r.URL.Path == "/x" {
				w.Header().Set("Location", strings.Replace(location, "HOST", host, 1))
				w.WriteHeader(http.StatusFound)
				return
			}
			got = r.URL.Path
			if r.URL.RawQuery != "" {
				got += "?" + r.URL.RawQuery
			}
			_, _ = w.Write([]byte("hello"))
		})
		if _, body, err := readAll(t, o, 0, source.Whole); body != "hello" || err != nil || got != want {
			t.Errorf("%s: asked for %q, %v; want %q", location, got, err, want)
		}
	}
}

// TestCookieOfRedirect has servers that redirect to themselves until they see their
// cookie, beside one that the user sends. No origin sees the cookie of another.
func TestCookieOfRedirect(t *testing.T) {
	t.Parallel()
	wall := func(name string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for _, c := range r.Cookies() {
				if c.Name != name && c.Name != "users" {
					t.Errorf("%s: got the cookie %s", name, c.Name)
				}
			}
			if c, err := r.Cookie(name); err != nil || c.Value != "v" {
				http.SetCookie(w, &http.Cookie{Name: name, Value: "v", Path: "/"})
				http.Redirect(w, r, r.URL.String(), http.StatusFound)
				return
			}
			then(w, r)
		}
	}
	other := httptest.NewServer(wall("second", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) != 1 {
			t.Errorf("the other origin got %v", r.Cookies())
		}
		http.SetCookie(w, &http.Cookie{Name: "pinned-to-this-server", Value: "v"})
		_, _ = w.Write([]byte("hello"))
	}))
	defer other.Close()
	requests := 0
	o := open(t, "/x", wall("first", func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, other.URL+"/y", http.StatusFound)
	}))
	for range 2 {
		if _, body, err := readAll(t, o, 0, source.Whole); body != "hello" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests to the first, want the second one to go where it had led", requests)
	}
}

// TestEndlessRedirect sets another cookie each time.
func TestEndlessRedirect(t *testing.T) {
	t.Parallel()
	o := open(t, "/x", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "s3cr3t" + r.Header.Get("Cookie"), Value: "v"})
		http.Redirect(w, r, r.URL.String(), http.StatusFound)
	})
	if _, _, err := readAll(t, o, 0, source.Whole); err == nil || !strings.Contains(err.Error(), "more than 10 redirects") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}
