package main

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "inith" {
		heedSignals()
	}
	testscript.Main(m, map[string]func(){"inith": main})
}

// heedSignals undoes what nohup, or a shell that starts the tests in the background, has done: signals that the tests
// ignore would be ignored by inith too.
func heedSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// canary is the secret of every script. It needs escaping in a URL, and does not
// occur elsewhere.
const canary = "CaN4ry/+ p&ss"

// TestScript runs the scripts that specify the command line. Whatever inith
// writes in them, to stdout, stderr or a file, is searched for the canary.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  cmdExits,
			"signal": cmdSignal,
			"become": cmdBecome,
			"unread": cmdUnread,
			"later":  cmdLater,

			"certificates": cmdCertificates,
		},
	})
}

// TestScriptsLookForSecrets holds the scripts to the command that searches the
// output.
func TestScriptsLookForSecrets(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range scripts {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			fields := strings.Fields(line)
			if len(fields) > 1 && (fields[0] == "exec" || fields[1] == "exec") && slices.Contains(fields, "inith") {
				t.Errorf("%s: use exits instead of exec: %s", filepath.Base(name), line)
			}
		}
	}
}

// TestCanaryIsFound shows that the search is not blind.
func TestCanaryIsFound(t *testing.T) {
	for _, form := range []string{
		"x" + canary + "x", url.QueryEscape(canary), url.PathEscape(canary),
		base64.StdEncoding.EncodeToString([]byte("user:" + canary)), base64.URLEncoding.EncodeToString([]byte("u:" + canary)),
	} {
		if findCanary("text "+form+" text") == "" {
			t.Errorf("%q is not found", form)
		}
	}
	if form := findCanary("postgres://db:5432/app is not ready: connection refused"); form != "" {
		t.Errorf("%q is found where it is not", form)
	}
}

// findCanary returns the form in which text holds the canary, "" if it does not.
func findCanary(text string) string {
	forms := []string{canary, url.QueryEscape(canary), url.PathEscape(canary), url.UserPassword("u", canary).String()[2:]}
	for shift := range 3 { // base64 depends on what stands before; its ends on the neighbours
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canary))
		form := strings.TrimRight(encoded[4:], "=")
		form = form[:len(form)-2]
		forms = append(forms, form, strings.NewReplacer("+", "-", "/", "_").Replace(form))
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

// setup starts the servers and makes the secrets of a script.
func setup(e *testscript.Env) error {
	password := url.UserPassword("app", canary).String()
	e.Setenv("SECRET", canary)
	e.Setenv("SECRET_QUERY", url.QueryEscape(canary))
	e.Setenv("USERINFO", password)
	e.Setenv("HOME", filepath.Join(e.WorkDir, "nohome"))
	e.Setenv("SECRETS", filepath.Join(e.WorkDir, ".secrets"))
	if err := os.Mkdir(filepath.Join(e.WorkDir, ".secrets"), 0o700); err != nil {
		return err
	}
	const shared = "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = SECRET\n" +
		"[wrong]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = xSECRET\n"
	secrets := map[string]string{
		"password": canary + "\n", "header": "X-Token: " + canary + "\n", "wrong": canary + "x\n", "long": canary + canary + "\n",
		"aws": strings.ReplaceAll(shared, "SECRET", canary),
	}
	maps.Copy(secrets, configs())
	for name, text := range secrets {
		if err := os.WriteFile(filepath.Join(e.WorkDir, ".secrets", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	e.Defer(func() { searchFiles(e) })
	startFiles(e)
	startHub(e)
	startBucket(e)
	startAzure(e)
	if err := errors.Join(startRegistry(e), startGCS(e)); err != nil {
		return err
	}
	if err := startServers(e); err != nil {
		return err
	}
	return errors.Join(startSites(e), startCluster(e))
}

// configs are files for validate that hold the canary, each with something wrong
// beside it.
func configs() map[string]string {
	lines := strings.NewReplacer("SECRET", canary)
	return map[string]string{
		"padded":      " " + canary + "\n",
		"config.yaml": lines.Replace("password: SECRET # of SECRET\npassword: \"SECRET\"\nblock: |\n  SECRET: x\nlist: [SECRET, NO, {a: SECRET, b: \"${SECRET}\"}]\n\"SECRET\": 010\n"),
		"broken.yaml": lines.Replace("a: SECRET\nb:\n c: SECRET\n   - SECRET\n  d: \"SECRET\n  SECRET: x\"\ne: |\n  SECRET: x\n"),
		"config.json": lines.Replace(`{"a": "SECRET", "a": "{{ SECRET }}", "SECRET": ["SECRET"]}`),
		"config.toml": lines.Replace("a = \"SECRET\"\na = \"SECRET\"\nb = \"\"\"\nSECRET = 1\n\"\"\"\n"),
		"app.env":     lines.Replace("A='SECRET'\nC=x\nA='SECRET'\nB=\"x\nSECRET=y\"\nSECRET=1\n"),
	}
}

// searchFiles looks for the canary in the files that a script leaves, but for
// the secrets themselves and the script.
func searchFiles(e *testscript.Env) {
	err := filepath.WalkDir(e.WorkDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == ".secrets" {
			return errors.Join(err, fs.SkipDir)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && findCanary(string(b)) != "" {
			err = errors.New("a secret is in " + path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.SkipDir) {
		panic(err) // Env has no way to fail
	}
}
