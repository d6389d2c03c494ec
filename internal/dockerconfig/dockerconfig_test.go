package dockerconfig_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/dockerconfig"
	"github.com/inith/inith/internal/usererr"
)

func write(tb testing.TB, content string) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}

func auth(userAndPassword string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(userAndPassword)) + `"}`
}

// TestFind finds the login that the most specific entry has, in each form of an entry and of its key.
func TestFind(t *testing.T) {
	t.Parallel()
	user := dockerconfig.Login{Username: "u", Password: "s3cr3t:x"}
	for name, c := range map[string]struct {
		config, registry, repository string
		want                         dockerconfig.Login
	}{
		"auth":                 {`{"auths":{"r.example":` + auth("u:s3cr3t:x") + `}}`, "r.example", "a/b", user},
		"fields":               {`{"auths":{"r.example":{"username":"u","password":"s3cr3t:x"}}}`, "r.example", "a", user},
		"auth wins":            {`{"auths":{"r.example":{"username":"x","password":"y","auth":"dTpzM2NyM3Q6eA=="}}}`, "r.example", "a", user},
		"port":                 {`{"auths":{"r.example:5000":` + auth("u:s3cr3t:x") + `}}`, "r.example:5000", "a", user},
		"other port":           {`{"auths":{"r.example:5000":` + auth("u:s3cr3t:x") + `}}`, "r.example", "a", dockerconfig.Login{}},
		"other host":           {`{"auths":{"r.example":` + auth("u:s3cr3t:x") + `}}`, "evil-r.example", "a", dockerconfig.Login{}},
		"URL":                  {`{"auths":{"https://R.example/v2/":` + auth("u:s3cr3t:x") + `}}`, "r.example", "a", user},
		"Docker Hub":           {`{"auths":{"https://index.docker.io/v1/":` + auth("u:s3cr3t:x") + `}}`, "docker.io", "library/a", user},
		"identity token":       {`{"auths":{"r.example":{"auth":"dTo=","identitytoken":"s3cr3t"}}}`, "r.example", "a", dockerconfig.Login{Username: "u", IdentityToken: "s3cr3t"}},
		"registry token":       {`{"auths":{"r.example":{"registrytoken":"s3cr3t"}}}`, "r.example", "a", dockerconfig.Login{RegistryToken: "s3cr3t"}},
		"of a path":            {`{"auths":{"r.example":` + auth("x:y") + `,"r.example/org":` + auth("u:s3cr3t:x") + `,"r.example/org/b":` + auth("x:y") + `}}`, "r.example", "org/a", user},
		"not of a path":        {`{"auths":{"r.example/org":` + auth("u:s3cr3t:x") + `}}`, "r.example", "organization/a", dockerconfig.Login{}},
		"helper of another":    {`{"auths":{"r.example":` + auth("u:s3cr3t:x") + `},"credHelpers":{"o.example":"ecr-login"}}`, "r.example", "a", user},
		"store, not logged in": {`{"credsStore":"desktop"}`, "r.example", "a", dockerconfig.Login{}},
		"nothing":              {`{}`, "r.example", "a", dockerconfig.Login{}},
	} {
		got, err := dockerconfig.Find(write(t, c.config), c.registry, c.repository)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// TestFindErrors says what is wrong with a file, and quotes nothing of it.
func TestFindErrors(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`s3cr3t`:                                     "is not a config.json of Docker's",
		`{"auths":"s3cr3t"}`:                         "is not a config.json of Docker's",
		`{"auths":{"r":{"auth":"s3cr3t!"}}}`:         "has an auth for r that is none",
		`{"auths":{"r":{"auth":"czNjcjN0"}}}`:        "has an auth for r that is none",
		`{"auths":{"r":` + auth("u:s3cr3t\n") + `}}`: "has a line break or another control character in the credentials for r",
		`{"credHelpers":{"r":"ecr-login"}}`:          "leaves the password for r to a program",
		`{"auths":{"r":{}},"credsStore":"desktop"}`:  "leaves the password for r to a program",
	} {
		got, err := dockerconfig.Find(write(t, config), "r", "a")
		if got != (dockerconfig.Login{}) || err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, credentials.ErrFormat) {
			t.Errorf("%s: %+v, %v, want %q", config, got, err, want)
			continue
		}
		if text := err.Error() + usererr.Hint(err); usererr.Hint(err) == "" || strings.Contains(text, "s3cr3t") || strings.Contains(text, "czNjcjN0") {
			t.Errorf("%s: %s", config, text)
		}
	}
	if _, err := dockerconfig.Find(filepath.Join(t.TempDir(), "none"), "r", "a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
