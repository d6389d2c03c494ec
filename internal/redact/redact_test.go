package redact_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/inith/inith/internal/redact"
)

func TestURL(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"postgres://app:s3cr3t@db:5432/app?sslmode=require&password=s3cr3t", "postgres://db:5432/app?sslmode=require&…"},
		{"postgres://h1:5432,h2:5433/db?target_session_attrs=primary", "postgres://h1:5432,h2:5433/db?target_session_attrs=primary"},
		{"https://s3cr3t@host/x", "https://host/x"},
		{"https://s3cr3t:x-oauth-basic@host/x", "https://host/x"},
		{"redis://:s3cr3t@cache/0#key=s3cr3t", "redis://cache/0"},
		{"http://h/?mail=a@b", "http://h/?…"},
		{"http://h?sslmode=a@b", "http://h?…"},
		{"http://h:8080/x?mail=a@b", "http://h:…?…"},
		{"postgres://h/db?connect_timeout=10?password=X", "postgres://h/db?…"},
		{"postgres://h/db?connect_timeout=10", "postgres://h/db?connect_timeout=10"},
		{"postgres://h/db?application_name=x;password=X", "postgres://h/db?…"},
		{"postgres://h/db?application_name=x%3Bpassword%3DX", "postgres://h/db?…"},
		{"postgres://h/db?application_name=x%20password", "postgres://h/db?…"},
		{"postgres://h/db?application_name=web-1", "postgres://h/db?application_name=web-1"},
		{"http://h/?db=x;token=X", "http://h/?…"},
		{"redis://h/?db=3", "redis://h/?db=3"},
		{"postgres://h/?dbname=app,password=X", "postgres://h/?…"},
		{"postgres:///db?host=%2Fvar%2Frun&port=5432,5433", "postgres:///db?host=%2Fvar%2Frun&port=5432,5433"},
		{"postgres:///db?host=h1,h2&port=5432;X", "postgres:///db?host=h1,h2&…"},
		{"postgres:///db?host=h1;password=X", "postgres:///db?…"},
		{"postgres://h/db?sslmode=s3cr3t", "postgres://h/db?…"},
		{"postgres://h/db?sslnegotiation=s3cr3t", "postgres://h/db?…"},
		{"postgres://h/db?sslnegotiation=direct", "postgres://h/db?sslnegotiation=direct"},
		{"postgres://h/db?target_session_attrs=s3cr3t", "postgres://h/db?…"},
		{"hf://org/model@rev", "hf://org/model@rev"},
		{"oci://r/x@sha256:0123", "oci://r/x@sha256:0123"},
		{"oci://r:5000/x@sha256:0123", "oci://r:…@sha256:0123"},
		{"oci://r:5000/org/x:v1@sha256:" + strings.Repeat("0a", 32), "oci://r:5000/org/x:v1@sha256:" + strings.Repeat("0a", 32)},
		{"oci://r/x:v1@sha512:" + strings.Repeat("0a", 64) + "/a", "oci://r/x:v1@sha512:" + strings.Repeat("0a", 64) + "/a"},
		{"oci://r/x:v1@sha256:" + strings.Repeat("0a", 31), "oci://r/…@sha256:" + strings.Repeat("0a", 31)},
		{"oci://u:s3cr3t@r/x:v1@sha256:" + strings.Repeat("0a", 32), "oci://r/…@sha256:" + strings.Repeat("0a", 32)},
		{"oci://user:1234/s3cr3t@r/x", "oci://user:…@r/x"},
		{"oci://user:1234/s3cr3t@sha256:5000/x", "oci://user:…@sha256:5000/x"},
		{"oci://r/x:v1?platform=linux/arm64&plain-http=true", "oci://r/x:v1?platform=linux/arm64&plain-http=true"},
		{"oci://r/x:v1?platform=linux/arm64;X&plain-http=X", "oci://r/x:v1?…"},
		{"http://user:1234/s3cr3t@h/x", "http://user:…@h/x"},
		{"unix:///run/app.sock", "unix:///run/app.sock"},
		{"mailto:s3cr3t", "mailto:…"},
		{"tcp://[::1]:80", "tcp://[::1]:80"},
	} {
		u, err := redact.ParseURL(tt.raw)
		if err != nil {
			t.Errorf("ParseURL(%q): %v", tt.raw, err)
			continue
		}
		if got := redact.URL(u); got != tt.want {
			t.Errorf("URL(%q) = %q, want %q", tt.raw, got, tt.want)
		}
	}
}

func TestParseURLRefusesACutPassword(t *testing.T) {
	for _, raw := range []string{
		"postgres://u:s3cr3t/x@h/db",
		"postgres://u:12345/x@h/db",
		"postgres://u:12345?x@h/db",
		"postgres://u:12345#@h/db",
		"postgres://us#er:s3cr3t@h/db",
		"postgres://u:p@s3cr3t@h/db",
		"postgres://u:p@s3/cr3t@h/db",
		"redis://u:%zz@h",
		"https://u:p@w@h/",
		"https://h/#a@b",
		"://u:s3cr3t@h",
	} {
		if u, err := redact.ParseURL(raw); err == nil {
			t.Errorf("ParseURL(%q) = %q, want an error", raw, u)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("ParseURL(%q): the error shows the password: %v", raw, err)
		}
	}
}

// fixedText is what errors hold whatever the input.
const fixedText = "not a valid URL (special characters in a user name or password must be percent-encoded, such as %40 for @)"

func TestLine(t *testing.T) {
	if got, want := redact.Line("a\x1b[31m\r\nb\u009bé\u2028c\u202ed"), "a [31m  b é c d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"*.example.com": "*.example.com", "app_user-1": "app_user-1", "fd00::1": "fd00::1",
		"": "…", "a b": "…", "a\nb": "…", "p@ss": "…", "pass;": "…", strings.Repeat("a", 254): "…",
	} {
		if got := redact.Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 32)
	for in, want := range map[string]string{
		"": "", "ssl-mode": "ssl-mode", "pool_size": "pool_size", longest: longest,
		longest + "a": "", "S3cr3t": "", "a=b": "", "a b": "",
	} {
		if got := redact.Word(in); got != want {
			t.Errorf("Word(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzParseURL puts any text in the place of a password.
func FuzzParseURL(f *testing.F) {
	for _, password := range []string{"s3cr3t", "12345/x", "a/b#c", "a?b=c", "%zz", "a b", "1234@/x:", "a@b", ":12345/"} {
		for _, scheme := range []string{"postgres", "https", "redis", "hf", "oci"} {
			f.Add(scheme, password)
		}
	}
	f.Fuzz(func(t *testing.T, scheme, password string) {
		parsed, err := url.Parse(scheme + "://user:password@host/db")
		if err != nil || len(password) < 6 || strings.Contains(fixedText+parsed.String(), password) {
			return // nothing to look for
		}
		u, err := redact.ParseURL(scheme + "://user:" + password + "@host/db")
		if (u == nil) == (err == nil) {
			t.Fatalf("got %v, %v: want exactly one", u, err)
		}
		shown := fmt.Sprint(err)
		if err == nil {
			shown = redact.URL(u)
		}
		if strings.Contains(shown, password) {
			t.Fatalf("%q shows the password %q", shown, password)
		}
	})
}
