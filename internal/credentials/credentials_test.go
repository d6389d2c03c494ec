package credentials_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/credentials"
)

const secret = "s3cr3t"

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"": "", secret: secret, secret + "\n": secret, secret + "\r\n": secret, " " + secret + " \n\n": " " + secret + " ",
	} {
		if got, err := credentials.ReadSecret("password file", file(t, content)); got != want || err != nil {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := credentials.ReadSecret("password file", missing); err == nil || !strings.Contains(err.Error(), `password file "`+missing+`"`) {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestReadToken(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{"": "", secret: secret, " " + secret + " \r\n\n": secret, "a b\tc=\n": "a b\tc="} {
		if got, err := credentials.ReadToken("bearer file", file(t, content)); got != want || err != nil {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"a\n" + secret, "a\r\n" + secret + "\n", "a\r" + secret, "a\nX-Evil: " + secret, "a\x00" + secret, secret + "\x7f"} {
		_, err := credentials.ReadToken("bearer file", file(t, content))
		if !errors.Is(err, credentials.ErrFormat) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", content, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := credentials.ReadToken("bearer file", missing); err == nil || errors.Is(err, credentials.ErrFormat) {
		t.Errorf("%v, want an error that may go away", err)
	}
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]http.Header{
		"":                                {},
		"\nAuthorization: Bearer x\r\n\n": {"Authorization": {"Bearer x"}},
		"x-token: a\nX-Token: b\nHost: h": {"X-Token": {"a", "b"}, "Host": {"h"}},
		"A: b\n \t\r\n\nC:d:e \t\nE:":     {"A": {"b"}, "C": {"d:e"}, "E": {""}},
	} {
		got, err := credentials.ReadHeaders(file(t, content))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", content, err, diff)
		}
	}
	for _, content := range []string{
		secret, "X-Token " + secret, ": " + secret, "A: b\n" + secret, "A: b\n " + secret, "A: b\n\t" + secret + ": x", " A: " + secret,
		"A: b\r" + secret, "A: b\rC: " + secret, "A: b\x00" + secret, "A : " + secret, "A b: " + secret, "A: b\x0b" + secret, "Ä: " + secret,
		"A\r: " + secret, "\ufeffA: " + secret,
	} {
		_, err := credentials.ReadHeaders(file(t, content))
		if !errors.Is(err, credentials.ErrFormat) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v, want an error without the content", content, err)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"redis://h": "", "redis://u@h": "", "redis://u:@h": "", "redis://u:" + secret + "@h": secret} {
		u, err := url.Parse(raw) //nolint:forbidigo // it is this test's own
		if err != nil {
			t.Fatal(err)
		}
		p := credentials.Password{URL: u}
		if got, err := p.Read(); got != want || err != nil || p.Given() != strings.Contains(raw, "u:") {
			t.Errorf("%s: %q, given %t, %v", raw, got, p.Given(), err)
		}
		trimmed := ""
		p.File, p.Trimmed = file(t, "another\n"), func(file string) { trimmed = file }
		if got, err := p.Read(); got != "another" || err != nil || !p.Given() {
			t.Errorf("%s with a file: %q, given %t, %v", raw, got, p.Given(), err)
		}
		if trimmed != p.File {
			t.Errorf("the newline of %q is not reported: %q", p.File, trimmed)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for u, want := range map[url.URL]string{
		{Scheme: "http", Host: "h", Path: "/x"}: "http://h:80",
		{Scheme: "https", Host: "[::1]:8443"}:   "https://[::1]:8443",
		{Scheme: "https", Host: "h"}:            "https://h:443",
	} {
		if got := credentials.Origin(&u); got != want {
			t.Errorf("%v: %s, want %s", u, got, want)
		}
	}
}
