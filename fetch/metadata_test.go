package fetch_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
)

// TestMetadata is redirected to where clouds serve their credentials, by any name: directly,
// and through a proxy that would look up the name. It is not parallel: there is one resolver.
func TestMetadata(t *testing.T) {
	names, stop, err := faultserver.StartNames(t.Context(), func(name string) []netip.Addr {
		switch name {
		case "meta.origin.test":
			return []netip.Addr{netip.MustParseAddr("169.254.169.254")}
		case "cdn.origin.test":
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		default:
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	resolver.Store(names)
	defer resolver.Store(nil)
	for host, want := range map[string]bool{
		"169.254.169.254": false, "[fd00:ec2::254]": false, "[64:ff9b::a9fe:a9fe]": false, "[::ffff:169.254.169.254]": false, "[fe80::1]:80": false,
		"2852039166": false, "metadata.google.internal": false, "meta.origin.test": false, "METADATA.google.internal.": false,
		"cdn.origin.test": true, "unknown.origin.test": true, // which the proxy may know
	} {
		if want {
			if asked, err := redirectedTo(t, host, true); err != nil || !asked {
				t.Errorf("%s behind a proxy: asked %t, %v", host, asked, err)
			}
			continue
		}
		for _, behindProxy := range []bool{true, false} {
			asked, err := redirectedTo(t, host, behindProxy)
			if asked || err == nil || !strings.Contains(err.Error(), "where clouds serve their credentials") {
				t.Errorf("%s, behind a proxy: %t: asked %t, %v", host, behindProxy, asked, err)
			}
		}
	}
}

// redirectedTo fetches from an origin that redirects to a host. It reports whether the
// proxy was asked for that.
func redirectedTo(t *testing.T, host string, behindProxy bool) (asked bool, err error) {
	t.Helper()
	var strays atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			http.Redirect(w, r, "http://"+host+"/latest", http.StatusFound)
			return
		}
		strays.Add(1)
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	f := &fetch.Fetcher{}
	if behindProxy {
		f.Proxy = func(*url.URL) (*url.URL, error) { return parse(t, server.URL), nil }
	}
	_, err = run(t, f, fetch.File{URL: parse(t, server.URL+"/x"), Dest: filepath.Join(t.TempDir(), "x")})
	return strays.Load() > 0, err
}
