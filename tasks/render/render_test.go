package render_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/render"
)

var update = flag.Bool("update", false, "write what comes into the golden files")

// canary is a secret: it is a value in each test, and in no error.
const (
	canary   = "CaN4ry/+ p&ss"
	namelike = "s3cretLikeAName" // one that could be a name
)

func shows(text string) bool {
	return strings.Contains(text, canary) || strings.Contains(text, namelike)
}

// TestGolden renders each template of testdata/golden. An archive has "template"
// or "envsubst", values, "env" (a variable a line; CANARY is set to a secret, in the
// values as .Values.canary too), and what comes of it.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			golden(t, name)
		})
	}
}

func golden(t *testing.T, name string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	kept := &txtar.Archive{Comment: archive.Comment}
	dir, want := t.TempDir(), ""
	r := &render.Renderer{Env: []string{"CANARY=" + canary, "NAMELIKE=" + namelike}, Values: []string{filepath.Join(dir, "canary.yaml")}}
	write(t, r.Values[0], fmt.Sprintf("canary: %q\n", canary))
	write(t, filepath.Join(dir, "canary"), canary+"\n")
	source := ""
	for _, f := range archive.Files {
		text := strings.ReplaceAll(string(f.Data), "$DIR", dir)
		switch f.Name {
		case "want":
			want = string(f.Data)
			continue
		case "template", "envsubst":
			source, r.Envsubst = f.Name, f.Name == "envsubst"
		case "only":
			r.Only = strings.Fields(text)
		case "prefixes":
			r.Prefixes = strings.Fields(text)
		case "env":
			r.Env = append(r.Env, strings.Split(strings.TrimSpace(text), "\n")...)
		default:
			r.Values = append(r.Values, filepath.Join(dir, f.Name))
		}
		kept.Files = append(kept.Files, f)
		write(t, filepath.Join(dir, f.Name), text)
	}
	got := outcome(t, r, filepath.Join(dir, source), dir)
	if *update {
		kept.Files = append(kept.Files, txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(name, txtar.Format(kept), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

// outcome returns the result, or the errors with their hints, of which none may
// have the canary.
func outcome(t *testing.T, r *render.Renderer, source, dir string) string {
	t.Helper()
	var out bytes.Buffer
	r.Stdout = &out
	j, err := r.Open(t.Context(), source, "-")
	when := "before"
	if err == nil {
		when = "while"
		_, err = j.Run(t.Context())
	}
	if err == nil {
		return out.String()
	}
	if out.Len() > 0 {
		t.Errorf("failed, and wrote %d bytes", out.Len())
	}
	var b strings.Builder
	for _, e := range flat(err) {
		fmt.Fprintf(&b, "error %s rendering: %s\n", when, strings.ReplaceAll(e.Error(), dir+"/", ""))
		if hint := usererr.Hint(e); hint != "" {
			fmt.Fprintf(&b, "hint: %s\n", hint)
		}
	}
	if shows(b.String()) {
		t.Errorf("a secret is shown:\n%s", b.String())
	}
	return b.String()
}

func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flat(e)...)
	}
	return all
}

// TestEveryFunctionIsInAGoldenFile holds the table to the templates that show what
// its functions do.
func TestEveryFunctionIsInAGoldenFile(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name == "template" {
				all.Write(f.Data)
			}
		}
	}
	for _, f := range render.Functions() {
		if !regexp.MustCompile(`[{( ]` + f.Name + `[ )]`).Match(all.Bytes()) {
			t.Errorf("no golden file has %s", f.Name)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), filepath.Join(t.TempDir(), "etc", "app")
	configMap(t, source, map[string]string{"app.yaml.tmpl": "port: {{ .Env.PORT }}\n", "ca.pem": "{{ not a template }}\n"})
	write(t, filepath.Join(source, "conf.d", "run.sh.tmpl"), "echo {{ .Env.PORT }}\n")
	if err := os.Chmod(filepath.Join(source, "conf.d", "run.sh.tmpl"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &render.Renderer{Env: []string{"PORT=80"}}
	results := mustRun(t, r, source, dest)
	want := []render.Result{
		{Path: filepath.Join(dest, "app.yaml"), Size: 9, State: render.Rendered},
		{Path: filepath.Join(dest, "ca.pem"), Size: 21, State: render.Copied},
		{Path: filepath.Join(dest, "conf.d", "run.sh"), Size: 8, State: render.Rendered},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	wantTree(t, dest, map[string]string{"app.yaml": "port: 80\n", "ca.pem": "{{ not a template }}\n", "conf.d/run.sh": "echo 80\n"})
	if info, err := os.Stat(filepath.Join(dest, "conf.d", "run.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the script is not executable: %v", err)
	}
	for i := range want {
		want[i].State = render.Unchanged
	}
	if diff := cmp.Diff(want, mustRun(t, r, source, dest)); diff != "" {
		t.Errorf("the second time (-want +got):\n%s", diff)
	}
}

// configMap makes a directory as the kubelet mounts a ConfigMap: files are links into
// ..data, which is a link to a directory with a date.
func configMap(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	const version = "..2026_01_01"
	for name, text := range files {
		write(t, filepath.Join(dir, version, name), text)
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(version, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// TestAllOrNothing: where one file fails, none appears, and each that fails is told.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	write(t, filepath.Join(source, "a.tmpl"), "fine")
	write(t, filepath.Join(source, "b.tmpl"), "{{ .Env.NOTHING }}")
	write(t, filepath.Join(source, "c.tmpl"), "{{ .Values.nothing }}")
	_, err := run(t, &render.Renderer{}, source, dest)
	if errs := flat(err); len(errs) != 2 || !strings.HasSuffix(errs[0].Error(), "b.tmpl:1:4: $NOTHING is not set") ||
		!strings.HasSuffix(errs[1].Error(), "c.tmpl:1:4: .Values.nothing is not defined") {
		t.Errorf("errors %q", errs)
	}
	wantTree(t, dest, map[string]string{})
}

// TestCheck: a result that is refused does not appear, and no other does.
func TestCheck(t *testing.T) {
	t.Parallel()
	source, dest := t.TempDir(), t.TempDir()
	write(t, filepath.Join(source, "a.tmpl"), "fine")
	write(t, filepath.Join(source, "b.tmpl"), "bad {{ 1 }}")
	refused := errors.New("refused")
	seen := map[string]string{}
	r := &render.Renderer{Check: func(_ context.Context, results []render.Content) error {
		for _, c := range results {
			seen[filepath.Base(c.Path)] = string(c.Data)
		}
		return refused
	}}
	if _, err := run(t, r, source, dest); !errors.Is(err, refused) {
		t.Errorf("err = %v, want that of the check", err)
	}
	if diff := cmp.Diff(map[string]string{"a": "fine", "b": "bad 1"}, seen); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
	wantTree(t, dest, map[string]string{})
}

func TestMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, dest := filepath.Join(dir, "app.tmpl"), filepath.Join(dir, "app")
	write(t, source, "{{ .Env.X }}")
	for _, step := range []struct {
		value string
		mode  fs.FileMode // of the renderer
		want  fs.FileMode
	}{
		{"1", 0o660, 0o660},
		{"1", 0o640, 0o640}, // only the mode changes
		{"2", 0, 0o640},     // what is there keeps its own
		{"2", 0, 0o640},
	} {
		mustRun(t, &render.Renderer{Env: []string{"X=" + step.value}, Mode: step.mode}, source, dest)
		info, err := os.Stat(dest)
		if err != nil || info.Mode() != step.want {
			t.Errorf("%+v: mode %v, %v", step, info.Mode(), err)
		}
	}
}

// TestUnchangedIsLeftAlone: watchers of the file and its mount see nothing.
func TestUnchangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, dest := filepath.Join(dir, "app.tmpl"), filepath.Join(dir, "out", "app")
	write(t, source, "x")
	mustRun(t, &render.Renderer{}, source, dest)
	before, err := os.Stat(dest)
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, &render.Renderer{}, source, filepath.Dir(dest)+"/")
	after, err := os.Stat(dest)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the file was written again: %v", err)
	}
	write(t, source, "y")
	mustRun(t, &render.Renderer{}, source, dest)
	if after, err = os.Stat(dest); err != nil || os.SameFile(before, after) {
		t.Errorf("the file was written over, not replaced: %v", err)
	}
}

func TestLinkIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, dest, other := filepath.Join(dir, "a.tmpl"), filepath.Join(dir, "a"), filepath.Join(dir, "other")
	write(t, source, "new")
	write(t, other, "new")
	if err := os.Symlink(other, dest); err != nil {
		t.Fatal(err)
	}
	mustRun(t, &render.Renderer{}, source, dest)
	if info, err := os.Lstat(dest); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is still there: %v", err)
	}
	write(t, source, "newer")
	mustRun(t, &render.Renderer{}, source, dest)
	wantTree(t, dir, map[string]string{"a": "newer", "a.tmpl": "newer", "other": "new"})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, same, plain := filepath.Join(dir, "source"), filepath.Join(dir, "same"), filepath.Join(dir, "plain")
	write(t, filepath.Join(source, "a.tmpl"), "x")
	write(t, filepath.Join(same, "a.tmpl"), "x")
	write(t, filepath.Join(same, "a"), "x")
	write(t, filepath.Join(plain, "app.yaml"), "x")
	if err := os.Symlink(source, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(plain, "app.yaml")
	for _, tt := range []struct{ source, dest, want string }{
		{"nothere", "out", "nothere does not exist"},
		{source, "-", "is a directory: DEST must be a directory too"},
		{source, file, "is a directory, but DEST is not"},
		{source, filepath.Join(source, "out"), "DEST is in"},
		{source, filepath.Join(dir, "link", "out"), "DEST is in"},
		{same, filepath.Join(dir, "out"), "another source has the same destination"},
		{plain, filepath.Join(dir, "out"), "there is nothing to render"},
		{file, plain, "are the same file"},
		{file, "/dev/null", "never replaced"},
		{"/dev/zero", "out", "is not a regular file"},
		{"-", dir, "standard input has no name"},
	} {
		r := &render.Renderer{Stdin: strings.NewReader("")}
		if _, err := r.Open(t.Context(), tt.source, tt.dest); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s to %s: err = %v, want %q", tt.source, tt.dest, err, tt.want)
		}
	}
}

// TestSignalEndsALoop: a template that takes long ends when its context does.
func TestSignalEndsALoop(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := &render.Renderer{Stdin: strings.NewReader("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}"), Stdout: new(bytes.Buffer)}
	j, err := r.Open(ctx, "-", "-")
	if err != nil {
		t.Fatal(err)
	}
	cancel(stop)
	if _, err := j.Run(ctx); !errors.Is(err, stop) {
		t.Errorf("err = %v, want the cause of the context", err)
	}
}

// TestSignalEndsReading: nobody writes to the standard input, and nobody closes it.
func TestSignalEndsReading(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	stdin, stdinWriter := io.Pipe()
	defer func() { _ = stdinWriter.Close() }()
	r := &render.Renderer{Stdin: readerFunc(func(b []byte) (int, error) {
		cancel(stop)
		return stdin.Read(b)
	})}
	if _, err := r.Open(ctx, "-", "-"); !errors.Is(err, stop) {
		t.Errorf("err = %v, want the cause of the context", err)
	}
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestLimits: nothing that a template does takes all the memory.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"loop":   `{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}`,
		"double": `{{ $x := "0123456789" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}`,
		"pieces": `{{ $x := indent 1000 "" }}{{ range 100 }}{{ range 1000 }}{{ $x }}{{ end }}{{ end }}`,
		"nested": `{{ $x := list "x" }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}`,
		"itself": `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`,
		"width":  `{{ range 1000 }}{{ printf "%1000000d" 1 }}{{ end }}`,
		"grow":   `{{ $x := indent 1000 "" }}{{ $x = replace " " $x $x }}{{ $x = replace " " $x $x }}`,
		"lines":  `{{ $x := replace " " "\n" (indent 1000 "") }}{{ $x = replace "\n" $x $x }}{{ indent 1000 $x }}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &render.Renderer{Stdin: strings.NewReader(text), Stdout: new(bytes.Buffer)}
			if _, err := run(t, r, "-", "-"); err == nil {
				t.Error("no limit")
			} else {
				t.Log(err)
			}
		})
	}
}

func run(t *testing.T, r *render.Renderer, source, dest string) ([]render.Result, error) {
	t.Helper()
	j, err := r.Open(t.Context(), source, dest)
	if err != nil {
		t.Fatal(err)
	}
	return j.Run(t.Context())
}

func mustRun(t *testing.T, r *render.Renderer, source, dest string) []render.Result {
	t.Helper()
	results, err := run(t, r, source, dest)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantTree checks all files in a directory: none that is temporary is left.
func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		got[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
