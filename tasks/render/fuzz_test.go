package render_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/inith/inith/tasks/render"
)

// fuzzed renders a text. Whatever it is, this ends, and an error has a place and
// not the secret.
func fuzzed(t *testing.T, r *render.Renderer, text string) {
	t.Helper()
	begun := time.Now()
	r.Env = []string{"CANARY=" + canary, "NAMELIKE=" + namelike, "A=a", "EMPTY="}
	r.Stdin, r.Stdout = strings.NewReader(text), new(bytes.Buffer)
	j, err := r.Open(t.Context(), "-", "-")
	if err == nil {
		_, err = j.Run(t.Context())
	}
	const hang = 5 * time.Minute // which no input takes, on the slowest machine
	if took := time.Since(begun); took > hang {
		t.Errorf("took %v", took)
	}
	if err == nil {
		return
	}
	for _, e := range flat(err) {
		if shows(e.Error()) || !strings.HasPrefix(e.Error(), "stdin:") {
			t.Errorf("error %q", e)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	seed(f, "template")
	dir := f.TempDir()
	values := filepath.Join(dir, "values.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		write(t, values, "canary: \"CaN4ry/+ p&ss\"\na: [1, {b: c}]\n")
		if strings.Contains(text, "fail") || strings.Contains(text, "required") {
			text = strings.ReplaceAll(text, canary, "") // their messages are shown
		}
		fuzzed(t, &render.Renderer{Values: []string{values}}, strings.ReplaceAll(text, namelike, ""))
	})
}

func FuzzEnvsubst(f *testing.F) {
	seed(f, "envsubst")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(strings.ReplaceAll(text, canary, ""), namelike, "")
		fuzzed(t, &render.Renderer{Envsubst: true}, text)
		fuzzed(t, &render.Renderer{Envsubst: true, Only: []string{"A", "CANARY"}}, text)
	})
}

// FuzzValues: no values are too strange, and no error quotes them.
func FuzzValues(f *testing.F) {
	seed(f, "values.yaml")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"values.yaml", "values.json"} {
			path := filepath.Join(dir, name)
			write(t, path, text)
			r := &render.Renderer{Values: []string{path}, Stdin: strings.NewReader("{{ toYaml .Values }}"), Stdout: new(bytes.Buffer)}
			j, err := r.Open(t.Context(), "-", "-")
			if err == nil {
				_, err = j.Run(t.Context())
			}
			if err != nil && shows(err.Error()) {
				t.Errorf("error %q", err)
			}
		}
	})
}

// seed adds the files of a name in the golden archives.
func seed(f *testing.F, name string) {
	f.Helper()
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no archives: %v", err)
	}
	for _, n := range names {
		archive, err := txtar.ParseFile(n)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == name {
				f.Add(string(file.Data))
			}
		}
	}
}
