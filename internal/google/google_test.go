package google_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/google"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/testing/gcsserver"
	"github.com/inith/inith/internal/usererr"
)

const secret = "s3cr3t/+"

func write(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func start(t *testing.T) *gcsserver.Server {
	t.Helper()
	s := gcsserver.Start()
	s.SubjectToken, s.RefreshToken = "subj3ct", "r3fresh"
	t.Cleanup(s.Close)
	return s
}

func newLogin(p google.Places) *login.Cache { return google.NewCache(p, &http.Transport{}) }

// with returns JSON with other fields.
func with(t *testing.T, b []byte, fields map[string]any) []byte {
	t.Helper()
	all := map[string]any{}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	maps.Copy(all, fields)
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPlaces gets a token by each kind of credentials, in each place, in their order.
func TestPlaces(t *testing.T) {
	s := start(t)
	home, config := t.TempDir(), t.TempDir()
	for dir, b := range map[string][]byte{filepath.Join(home, ".config", "gcloud"): s.UserFile("r3fresh"), config: s.KeyFile()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "application_default_credentials.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	subject := write(t, []byte("subj3ct\n"))
	inFile := map[string]any{"file": subject}
	inJSON := map[string]any{
		"file":   write(t, []byte(`{"id":"subj3ct"}`)),
		"format": map[string]string{"type": "json", "subject_token_field_name": "id"},
	}
	atURL := map[string]any{
		"url": s.URL + "/subject", "headers": map[string]string{"Metadata": "True"},
		"format": map[string]string{"type": "json", "subject_token_field_name": "access_token"},
	}
	for name, c := range map[string]struct {
		places google.Places
		asked  string // which servers
	}{
		"a service account":     {google.Places{CredentialsFile: write(t, s.KeyFile()), Home: home, MetadataHost: s.Host()}, "/token"},
		"a user":                {google.Places{CredentialsFile: write(t, s.UserFile("r3fresh"))}, "/token"},
		"a token in a file":     {google.Places{CredentialsFile: write(t, s.ExternalFile(inFile, false))}, "/sts"},
		"a token in JSON":       {google.Places{CredentialsFile: write(t, s.ExternalFile(inJSON, false))}, "/sts"},
		"a token at a URL":      {google.Places{CredentialsFile: write(t, s.ExternalFile(atURL, false))}, "/subject /sts"},
		"an impersonated one":   {google.Places{CredentialsFile: write(t, s.ExternalFile(inFile, true))}, "/sts /impersonate"},
		"the home directory":    {google.Places{Home: home, MetadataHost: s.Host()}, "/token"},
		"gcloud's directory":    {google.Places{ConfigDir: config, Home: home}, "/token"},
		"the metadata server":   {google.Places{Home: t.TempDir(), MetadataHost: s.Host()}, "/computeMetadata/v1/instance/service-accounts/default/token"},
		"a home that is none":   {google.Places{Home: "/dev/null", MetadataHost: s.Host()}, "/computeMetadata/v1/instance/service-accounts/default/token"},
		"gcloud's, but no file": {google.Places{ConfigDir: t.TempDir(), MetadataHost: s.Host()}, "/computeMetadata/v1/instance/service-accounts/default/token"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.Asked())
			l := newLogin(c.places)
			got, err := l.Get(t.Context())
			if err != nil || !strings.HasPrefix(got.Token, "ya29.") {
				t.Fatalf("%q, %v", got.Token, err)
			}
			if asked := strings.TrimSpace(s.Asked()[before:]); asked != c.asked {
				t.Errorf("asked %q, want %q", asked, c.asked)
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
	s := start(t)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(down.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"access_token":"` + secret + `\n","expires_in":3600}`))
	}))
	t.Cleanup(odd.Close)
	moved := httptest.NewServer(http.RedirectHandler(s.URL+"/token", http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	t.Cleanup(stranger.Close)
	at := func(b []byte, fields map[string]any) google.Places {
		return google.Places{CredentialsFile: write(t, with(t, b, fields)), NoMetadata: true}
	}
	user, key := s.UserFile("r3fresh"), s.KeyFile()
	external := func(source map[string]any, fields map[string]any) google.Places {
		return at(s.ExternalFile(source, true), fields)
	}
	subject := map[string]any{"file": write(t, []byte("subj3ct"))}
	for name, c := range map[string]struct {
		places google.Places
		want   string
		stays  bool
	}{
		"nowhere":                 {google.Places{NoMetadata: true}, "no credentials to sign the request with, neither in GOOGLE_APPLICATION_CREDENTIALS", true},
		"no node of Google's":     {google.Places{MetadataHost: "", ProductFile: "/none", NoMetadata: true}, "nor in the metadata server of the node", true},
		"metadata is not ready":   {google.Places{MetadataHost: strings.TrimPrefix(gone.URL, "http://")}, "the metadata server of the node: connection refused", false},
		"metadata is down":        {google.Places{MetadataHost: strings.TrimPrefix(down.URL, "http://")}, "nor in the metadata server", true}, // of another cloud
		"another's metadata":      {google.Places{MetadataHost: strings.TrimPrefix(stranger.URL, "http://")}, "nor in the metadata server", true},
		"metadata host":           {google.Places{MetadataHost: secret + "@x"}, "GCE_METADATA_HOST is not a host", true},
		"a missing file":          {google.Places{CredentialsFile: "/none"}, `the file of GOOGLE_APPLICATION_CREDENTIALS "/none" does not exist yet`, false},
		"no JSON":                 {google.Places{CredentialsFile: write(t, []byte(secret))}, "is not JSON of credentials", true},
		"another type":            {at(user, map[string]any{"type": "impersonated_service_account"}), `credentials of type "impersonated_service_account"`, true},
		"another universe":        {at(key, map[string]any{"universe_domain": "x.example"}), "another universe", true},
		"no key":                  {at(key, map[string]any{"private_key": secret}), "the key is not PEM", true},
		"another key":             {at(key, map[string]any{"private_key": "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----\n"}), "not one of RSA", true},
		"no account":              {at(key, map[string]any{"client_email": ""}), "client_email is missing", true},
		"a deleted key":           {at(key, map[string]any{"client_email": "x"}), "refuses (invalid_grant)", true},
		"a revoked login":         {at(s.UserFile(secret), nil), "refuses (invalid_grant)", true},
		"no refresh token":        {at(s.UserFile(""), nil), "has no refresh_token", true},
		"plain HTTP":              {at(user, map[string]any{"token_uri": "http://" + "example.com/" + secret}), "is not an https URL", true},
		"no URL":                  {at(user, map[string]any{"token_uri": "https://u:" + secret + "@x"}), "is not valid", true},
		"the server is down":      {at(user, map[string]any{"token_uri": down.URL}), "it answered status 503", false},
		"the server is gone":      {at(user, map[string]any{"token_uri": gone.URL}), "connection refused", false},
		"the server redirects":    {at(user, map[string]any{"token_uri": moved.URL}), "answered status 307", true},
		"a line break":            {at(user, map[string]any{"token_uri": odd.URL}), "is not understood", true},
		"no token":                {at(user, map[string]any{"token_uri": stranger.URL}), "is not understood", true},
		"a missing subject":       {external(map[string]any{"file": "/none"}, nil), "does not exist yet", false},
		"an empty subject":        {external(map[string]any{"file": write(t, nil)}, nil), "there is no token where", true},
		"a wrong subject":         {external(map[string]any{"file": write(t, []byte(secret))}, nil), "token exchange of Google: it refuses (invalid_grant)", true},
		"a program":               {external(map[string]any{"executable": map[string]string{"command": "/bin/" + secret}}, nil), "a credential_source that inith does not support", true},
		"AWS":                     {external(map[string]any{"environment_id": "aws1", "region_url": "http://" + secret}, nil), "a credential_source that inith does not support", true},
		"a subject elsewhere":     {external(map[string]any{"url": "http://example.com/" + secret}, nil), "is not an https URL", true},
		"a subject's header":      {external(map[string]any{"url": s.URL, "headers": map[string]string{"x": secret + "\n"}}, nil), "is not valid", true},
		"impersonation elsewhere": {external(subject, map[string]any{"service_account_impersonation_url": "http://example.com/" + secret}), "is not an https URL", true},
		"impersonation denied":    {external(subject, map[string]any{"service_account_impersonation_url": down.URL}), "that is impersonated: it answered status 503", false},
		"impersonation odd":       {external(subject, map[string]any{"service_account_impersonation_url": stranger.URL}), "is not understood", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newLogin(c.places).Get(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, login.ErrFinal) != c.stays {
				t.Fatalf("%v (stays: %v)", err, errors.Is(err, login.ErrFinal))
			}
			text := err.Error() + usererr.Hint(err)
			for _, s := range []string{"s3cr3t", "subj3ct", "r3fresh", "PRIVATE"} {
				if strings.Contains(text, s) {
					t.Errorf("a secret is shown: %s", text)
				}
			}
		})
	}
}

// TestMetadataLate waits for the metadata server of a node that is Google's, and only there.
func TestMetadataLate(t *testing.T) {
	t.Parallel()
	for product, late := range map[string]bool{"Google Compute Engine\n": true, "Google": true, "KVM": false} {
		if got := google.ExpectsMetadata(google.Places{ProductFile: write(t, []byte(product))}); got != late {
			t.Errorf("%q: %v", product, got)
		}
	}
}

// TestRotated reads files again.
func TestRotated(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := write(t, s.UserFile("old"))
	l := newLogin(google.Places{CredentialsFile: name})
	if _, err := l.Get(t.Context()); err == nil {
		t.Fatal("an old login is accepted")
	}
	if err := os.WriteFile(name, s.UserFile("r3fresh"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Get(t.Context()); err != nil {
		t.Error(err)
	}
}
