package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/lint"
)

var update = flag.Bool("update", false, "write the golden files")

func check(t *testing.T, l lint.Linter, text string) lint.Report {
	t.Helper()
	return l.Lint(lint.File{Path: "x.yaml", Data: []byte(text)})
}

// TestRules has each rule find something in each bad manifest, and nothing in any good one.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range lint.Rules() {
		l := lint.Linter{Only: []string{rule.ID}, KubeMinor: 28}
		for _, bad := range manifests(t, rule.ID+".bad.yaml") {
			if r := check(t, l, bad); !has(r, rule.ID) {
				t.Errorf("%s finds nothing in\n%s", rule.ID, bad)
			}
		}
		for _, good := range manifests(t, rule.ID+".good.yaml") {
			if r := check(t, l, good); len(r.Findings) > 0 {
				t.Errorf("%s finds %+v in\n%s", rule.ID, r.Findings, good)
			}
		}
	}
}

// manifests returns the documents of a file of a rule, of which there are three or more.
func manifests(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "rules", name))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(b), "\n---\n")
	if len(all) < 3 {
		t.Errorf("%s has %d manifests, want 3", name, len(all))
	}
	return all
}

func has(r lint.Report, rule string) bool {
	return slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return f.Rule == rule })
}

// TestSeed checks the manifests that inith exists to replace: each with its findings.
func TestSeed(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/seed/*.yaml")
	if err != nil || len(paths) != 17 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := lint.Linter{Excerpts: true}.Lint(lint.File{Path: filepath.Base(path), Data: b})
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		for _, f := range r.Findings {
			if err := e.Encode(f); err != nil {
				t.Fatal(err)
			}
		}
		golden := strings.TrimSuffix(path, ".yaml") + ".golden"
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestFixes(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"until nc -z db 5432; do sleep 1; done":                       `args: [wait, db:5432]`,
		"until nc -z -w 2 db 5432 >/dev/null; do sleep 1; done":       `args: [wait, db:5432]`,
		"while ! curl -sf http://api/health; do sleep 1; done":        `args: [wait, http://api/health]`,
		"until pg_isready -h db -p 5433; do sleep 1; done":            `args: [wait, postgres://db:5433]`,
		"until redis-cli -h cache ping; do sleep 1; done":             `args: [wait, redis://cache]`,
		"until mysqladmin ping -h db; do sleep 1; done":               `args: [wait, mysql://db]`,
		"until nslookup kafka.svc; do sleep 1; done":                  `args: [wait, dns://kafka.svc]`,
		"until nc -z $HOST 5432; do sleep 1; done":                    `inith wait TARGET`,
		"until curl http://u:s3cr3t@api/; do sleep 1; done":           `inith wait TARGET`,
		"until wget -O /m/x https://h/x; do sleep 1; done":            `args: [fetch, https://h/x, /m/x, --sha256, HEX]`,
		"until wget -O /m/x https://h/x?sig=s3cr3t; do sleep 1; done": `inith fetch SOURCE DEST`,
	} {
		manifest, err := json.Marshal(map[string]any{"initContainers": []any{map[string]any{
			"name": "a", "image": "x:1", "command": []string{"sh", "-c", script},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		r := check(t, lint.Linter{Only: []string{"I2"}}, string(manifest))
		if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Fix, want) || strings.Contains(r.Findings[0].Fix, "s3cr3t") {
			t.Errorf("%s: %+v, want %s", script, r.Findings, want)
		}
	}
}

func TestSuppressed(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]string{
		"comment above":      "containers:\n# inith:ignore I7 built in this cluster\n- name: a\n  image: x\n",
		"comment behind":     "containers:\n- name: a\n  image: x  # inith:ignore I7 built in this cluster\n",
		"several rules":      "containers:\n- name: a\n  # inith:ignore I5,I7 built in this cluster\n  image: x\n",
		"annotation":         "kind: Pod\nmetadata: {annotations: {inith.dev/ignore: 'I5, I7'}}\nspec: {containers: [{name: a, image: x}]}\n",
		"of one container":   "kind: Pod\nmetadata: {annotations: {inith.dev/ignore: 'I7:a'}}\nspec: {containers: [{name: a, image: x}]}\n",
		"of the template":    "kind: Deployment\nspec: {template: {metadata: {annotations: {inith.dev/ignore: I7}}, spec: {containers: [{name: a, image: x}]}}}\n",
		"of a list's object": "kind: List\nitems: [{kind: Pod, metadata: {annotations: {inith.dev/ignore: I7}}, spec: {containers: [{name: a, image: x}]}}]\n",
	} {
		if r := check(t, lint.Linter{Only: []string{"I7"}}, manifest); len(r.Findings) > 0 || r.Suppressed != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for name, manifest := range map[string]string{
		"without a reason":    "containers:\n- name: a\n  image: x  # inith:ignore I7\n",
		"another rule":        "containers:\n- name: a\n  image: x  # inith:ignore I5 x\n",
		"another line":        "# inith:ignore I7 x\ncontainers:\n- name: a\n  image: x\n",
		"another container":   "kind: Pod\nmetadata: {annotations: {inith.dev/ignore: 'I7:b'}}\nspec: {containers: [{name: a, image: x}]}\n",
		"a comment far above": "containers:\n- name: b  # inith:ignore I7 x\n  image: x:1\n- name: a\n  image: x\n",
	} {
		if r := check(t, lint.Linter{Only: []string{"I7"}}, manifest); len(r.Findings) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestFound has files that a directory has beside manifests: they are errors only where somebody names them.
func TestFound(t *testing.T) {
	t.Parallel()
	for text, found := range map[string]int{
		"{\"strict\": [true, }":                  0,
		"apiVersion: v1\nkind: Pod\n  name: x\n": 1,
	} {
		for name, want := range map[bool]int{true: found, false: 1} {
			r := lint.Linter{}.Lint(lint.File{Path: "x.yaml", Data: []byte(text), Found: name})
			if len(r.Findings) != want || len(r.Ignored) != 1-want {
				t.Errorf("%q, found %t: %v, want %d", text, name, r, want)
			}
		}
	}
}

// TestPatch has a part of an object, whose base may have what it lacks.
func TestPatch(t *testing.T) {
	t.Parallel()
	const deletes = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template: {spec: {containers: [{name: a, $patch: delete}]}}\n"
	for text, want := range map[string]bool{deletes: false, deletes + "  selector: {}\n": true} {
		if has(check(t, lint.Linter{}, text), "U1") != want {
			t.Errorf("%q: want an unknown field: %t", text, want)
		}
	}
	const patch = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template: {spec: {containers: [{name: a, volumeMounts: [{name: data, mountPath: /data}]}]}}\n"
	for text, want := range map[string]lint.Severity{patch: lint.Info, patch + "  selector: {}\n": lint.Error} {
		for _, f := range check(t, lint.Linter{Only: []string{"V3"}}, text).Findings {
			if f.Severity != want {
				t.Errorf("%q: %v, want %v", text, f, want)
			}
		}
	}
}

// TestUnreadable has files that are no manifests: one finding each, and no crash.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{{- if .Values.x }}\nkind: Pod\n{{- end }}\n": "a template that was not rendered",
		"kind: [\n": "",
		"kind: Pod\nkind: Pod\nspec: {containers: [{name: a, image: x:1}]}": "duplicate key",
	} {
		r := check(t, lint.Linter{Only: []string{"I1"}}, text)
		if len(r.Findings) != 1 || r.Findings[0].Rule != "syntax" || !strings.Contains(r.Findings[0].Message, want) || r.Findings[0].Line == 0 {
			t.Errorf("%q: %+v", text, r.Findings)
		}
	}
	for _, text := range []string{"", "---\n", "# nothing\n", "kind: ConfigMap\ndata: {a: '{{ x }}'}\n", "[]", "1", "a: b", "spec: 1", "containers: {a: b}", "spec: {containers: [1, [], null]}", "items: [1]"} {
		if r := check(t, lint.Linter{}, text); r.Worst() >= lint.Error {
			t.Errorf("%q: %+v", text, r.Findings)
		}
	}
}

func FuzzLint(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, second := lint.Linter{}.Lint(lint.File{Data: data}), lint.Linter{}.Lint(lint.File{Data: data})
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("two results:\n%s", diff)
		}
	})
}

// FuzzShell has any script in a manifest: it is read without a crash, and every finding has a place in the file.
func FuzzShell(f *testing.F) {
	for _, script := range []string{
		"until nc -z db 5432; do sleep 1; done", "while true; do :; done", "wget -O /m/x https://h/x && exec app", "for i in 1 2; do curl -f x || break; done",
		"cat <<EOF\n$(date)\nEOF\n", "a() { tail -f x; }; a", "case $x in a) ;; esac", "if [ -z \"$A\" ]; then exit 1; fi", "echo 'x", "((", "timeout 5 sh -c 'nc -l 1'",
	} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		manifest, err := json.Marshal(map[string]any{"initContainers": []any{map[string]any{"name": "a", "command": []string{"sh", "-c", script}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range (lint.Linter{Excerpts: true}).Lint(lint.File{Data: manifest}).Findings {
			if found.Line != 1 || found.Column < 1 || found.Message == "" {
				t.Errorf("%+v of %q", found, script)
			}
		}
	})
}

// BenchmarkLint checks 1,000 manifests of 2 to 4 KB, as one set.
func BenchmarkLint(b *testing.B) {
	text, err := os.ReadFile("testdata/seed/08-pattern-1-logging-sidecar.yaml")
	if err != nil {
		b.Fatal(err)
	}
	text = append(text, "---\n"...)
	text = append(text, text...) // two Pods of 1.3 KB each
	var files []lint.File
	for i := range 1000 {
		files = append(files, lint.File{Path: strconv.Itoa(i), Data: text})
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := (lint.Linter{Excerpts: true}).Lint(files...); r.Pods != 2000 {
			b.Fatalf("%d Pods", r.Pods)
		}
	}
}

// TestPositionInScript has findings stand at the statement, where the file has it as the shell reads it.
func TestPositionInScript(t *testing.T) {
	t.Parallel()
	const script = "until nc -z db 5432; do sleep 1; done"
	for name, c := range map[string]struct {
		item         string // of args
		line, column int
	}{
		"block":           {"- |\n    set -e\n    ä=1; " + script + "\n", 6, 10},
		"indented":        {"- |\n    if true; then\n      " + script + "\n    fi\n", 6, 7},
		"empty lines":     {"- |\n\n    set -e\n\n    " + script + "\n", 8, 5},
		"stripped":        {"- |-\n    " + script, 5, 5},
		"own indentation": {"- |2\n    " + script + "\n", 5, 5},
		"folded":          {"- >\n    set -e;\n    " + script + "\n", 4, 3},
		"quoted":          {`- "set -e\n` + script + "\"\n", 4, 3},
		"plain":           {"- " + script + "\n", 4, 3},
		"carriage return": {"- |\r\n    set -e\r\n    " + script + "\r\n", 6, 5},
	} {
		text := "initContainers:\n- command: [sh, -c]\n  args:\n  " + c.item
		r := check(t, lint.Linter{Only: []string{"I2"}}, text)
		if len(r.Findings) != 1 || r.Findings[0].Line != c.line || r.Findings[0].Column != c.column {
			t.Errorf("%s: %+v, want %d:%d\n%s", name, r.Findings, c.line, c.column, text)
		}
	}
}

// TestSuppressedInScript has a comment of the shell suppress a rule, and one at args too.
func TestSuppressedInScript(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"initContainers:\n- command: [sh, -c]\n  args:\n  - |\n    # inith:ignore I2 a test\n    until nc -z db 5432; do sleep 1; done\n",
		"initContainers:\n- command: [sh, -c]\n  args:\n  # inith:ignore I2 a test\n  - |\n    set -e\n    until nc -z db 5432; do sleep 1; done\n",
	} {
		if r := check(t, lint.Linter{Only: []string{"I2"}}, text); len(r.Findings) > 0 || r.Suppressed != 1 {
			t.Errorf("%+v of\n%s", r, text)
		}
	}
}
