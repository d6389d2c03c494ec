package azure_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/azure"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/testing/blobserver"
	"github.com/inith/inith/internal/usererr"
)

const secret = "s3cr3t/+"

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPlaces gets a token in each place, in their order.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(p *azure.Places)
		want string // how it is asked for
	}{
		"a client secret":   {func(p *azure.Places) { p.ClientSecret, p.FederatedTokenFile = "s3cret", "/none" }, "secret"},
		"the cluster":       {func(p *azure.Places) { p.FederatedTokenFile = write(t, "ass3rtion\n") }, "assertion"},
		"the node":          {func(*azure.Places) {}, "metadata"},
		"the node, unnamed": {func(p *azure.Places) { p.ClientID, p.TenantID = "", "" }, "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := blobserver.Start()
			t.Cleanup(s.Close)
			s.Secret, s.Assertion = "s3cret", "ass3rtion"
			p := azure.Places{TenantID: "tenant", ClientID: "client", AuthorityHost: s.URL + "/", MetadataEndpoint: s.URL}
			c.edit(&p)
			l := azure.NewCache(p, &http.Transport{})
			got, err := l.Get(t.Context())
			if err != nil || !strings.HasPrefix(got.Token, "eyJ.") || s.Asked() != c.want {
				t.Fatalf("%q, %v, asked %q", got.Token, err, s.Asked())
			}
			again, err := l.Get(t.Context())
			if err != nil || again != got {
				t.Errorf("again: %v, and not the same", err)
			}
			l.Expired(got.Token)
			if another, err := l.Get(t.Context()); err != nil || another == got {
				t.Errorf("after it expired: %v, and the same: %v", err, another == got)
			}
		})
	}
}

// TestErrors says what is wrong, quotes no secret, and tells what may go away from what stays.
func TestErrors(t *testing.T) {
	t.Parallel()
	s := blobserver.Start()
	t.Cleanup(s.Close)
	status := func(code int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(server.Close)
		return server.URL
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	with := func(edit func(p *azure.Places)) azure.Places {
		p := azure.Places{TenantID: "tenant", ClientID: "client", ClientSecret: secret, AuthorityHost: s.URL, NoMetadata: true}
		edit(&p)
		return p
	}
	for name, c := range map[string]struct {
		places azure.Places
		want   string
		stays  bool
	}{
		"nowhere":               {azure.Places{NoMetadata: true}, "no credentials to sign the request with, neither in the environment variables AZURE_STORAGE_KEY", true},
		"no node of Azure's":    {azure.Places{MetadataEndpoint: gone.URL}, "nor in the managed identity of the node", true},
		"no identity":           {azure.Places{MetadataEndpoint: s.URL, ClientID: "x"}, "the managed identity of the node: it refuses (invalid_request)", true},
		"metadata is updated":   {azure.Places{MetadataEndpoint: status(http.StatusGone)}, "it answered status 410", false},
		"metadata is throttled": {azure.Places{MetadataEndpoint: status(http.StatusTooManyRequests)}, "it answered status 429", false},
		"a wrong secret":        {with(func(*azure.Places) {}), "Microsoft Entra ID: it refuses (invalid_client)", true},
		"a wrong assertion":     {with(func(p *azure.Places) { p.ClientSecret, p.FederatedTokenFile = "", write(t, secret) }), "it refuses (invalid_client)", true},
		"a missing assertion":   {with(func(p *azure.Places) { p.ClientSecret, p.FederatedTokenFile = "", "/none" }), "does not exist yet", false},
		"no tenant":             {with(func(p *azure.Places) { p.TenantID = "" }), "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set", true},
		"no tenant's name":      {with(func(p *azure.Places) { p.TenantID = "x/../" + secret }), "or not valid", true},
		"plain HTTP":            {with(func(p *azure.Places) { p.AuthorityHost = "http://example.com" }), "is not an https URL", true},
		"Entra is down":         {with(func(p *azure.Places) { p.AuthorityHost = status(http.StatusServiceUnavailable) }), "it answered status 503", false},
		"Entra is gone":         {with(func(p *azure.Places) { p.AuthorityHost = gone.URL }), "connection refused", false},
		"no answer of Entra's":  {with(func(p *azure.Places) { p.AuthorityHost = status(http.StatusOK) }), "is not understood", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := azure.NewCache(c.places, &http.Transport{}).Get(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, login.ErrFinal) != c.stays {
				t.Fatalf("%v (stays: %v)", err, errors.Is(err, login.ErrFinal))
			}
			if text := err.Error() + usererr.Hint(err); strings.Contains(text, "s3cr3t") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}

// TestToSign is the example of the documentation.
// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
func TestToSign(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodGet, "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20", nil)
	req.Header = http.Header{"X-Ms-Date": {"Fri, 26 Jun 2015 23:39:12 GMT"}, "X-Ms-Version": {"2015-02-21"}, "User-Agent": {"x"}}
	const want = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n" +
		"/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
	if got := azure.ToSign(req, "myaccount"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
