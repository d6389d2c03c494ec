package lint_test

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/inith/inith/lint"
)

// TestExcerpt has the line of a finding as it may be shown: what is harmless, and masks.
func TestExcerpt(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
	for name, c := range map[string]struct{ text, rule, want string }{
		"image":            {pod + "  - {name: a, image: busybox}  # c0mment\n", "I7", "6 |   - {name: a, image: busybox\n  |                      ^"},
		"image by user":    {pod + "  - {Name: a, image: \"u:s3cr3t@registry/x\"}\n", "U1", "6 |   - {Name: …, image: …\n  |      ^"},
		"value of env":     {pod + "  - name: a\n    env:\n    - {name: A, value: 12345678}\n", "U1", "8 |     - {name: A, value: …\n  |                        ^"},
		"number in quotes": {pod + "  - {name: a, ports: [{containerPort: \"80\"}]}\n", "U1", "6 |   - {name: a, ports: [{containerPort: \"80\"\n  |                                       ^"},
		"text for number":  {pod + "  - {name: a, ports: [{containerPort: s3cr3t}]}\n", "U1", "6 |   - {name: a, ports: [{containerPort: …\n  |                                       ^"},
		"unknown field":    {pod + "  - {name: a, Password: s3cr3t}\n", "U1", "6 |   - {name: a, Password: …\n  |               ^"},
		"annotation": {
			"apiVersion: v1\nkind: Pod\nmetadata: {annotations: {name: 5}}\nspec: {containers: [{name: a, image: \"x:1\"}]}\n", "U1",
			"3 | metadata: {annotations: {name: …\n  |                                ^",
		},
		"words of a command": {
			"initContainers:\n- {name: a, command: [tail, -f, /s3cr3t, -ps3cr3t]}\n", "I1",
			"2 | - {name: a, command: [tail, -f, …, …\n  |                     ^",
		},
		"a script": {
			"initContainers:\n- command:\n  - sh\n  - -c\n  - |\n    X=s3cr3t; until nc -z s3cr3t 5432; do sleep s3cr3t; done\n", "I2",
			"6 |     …; until nc -z …; do sleep …; done\n  |        ^",
		},
		"a script of one line": {"initContainers:\n- command: [sh, -c]\n  args:\n  - until nc -z s3cr3t 1; do sleep 1; done\n", "I2", "4 |   - until nc -z …; do sleep …; done\n  |   ^"},
		"data of a ConfigMap":  {"apiVersion: v1\nkind: ConfigMap\ndata: {name: 12345, image: s3cr3t}\n", "U1", "3 | data: {name: …, image: …\n  |              ^"},
		"a Secret":             {"apiVersion: v1\nkind: Secret\ndata: {name: s3cr3t!}\n", "U1", ""},
		"beside a Secret": {
			`{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "data": {"s3cr3t": "s3cr3t"}}, {"kind": "Pod", "spec": {"containers": [{"image": "x"}]}}]}`, "I7",
			"\"spec\": {\"containers\": [{\"image\": \"x\"\n  |",
		},
		"not parsable":             {"kind: Pod\nname: s3cr3t: s3cr3t\n", "", "2 | name: …\n  |"},
		"a Secret, not parsable":   {"kind: Secret\nstringData: [\n  s3cr3t: s3cr3t\n", "", ""},
		"a line that is too long":  {pod + "  - {name: a, env: [{name: A, value: " + strings.Repeat("s3cr3t", 4000) + "}], image: x}\n", "I7", ""},
		"the end of a masked line": {pod + "  - {name: a, args: [a, b, c, d, e, f, s3cr3t], image: x}\n", "I7", "image: x"},
	} {
		r := lint.Linter{Only: []string{c.rule}, Excerpts: true}.Lint(lint.File{Path: "x.yaml", Data: []byte(c.text)})
		if len(r.Findings) == 0 {
			t.Errorf("%s: no finding", name)
			continue
		}
		got := r.Findings[0].Excerpt
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") || strings.Contains(got, "s3cr3t") || strings.Contains(got, "c0mment") || strings.Contains(got, "12345") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestExcerptsHaveNoSecret puts a secret, also encoded, wherever the manifests of the rules and of the seed have a value that
// may be one, and looks at all lines.
func TestExcerptsHaveNoSecret(t *testing.T) {
	t.Parallel()
	shown := 0
	for _, text := range corpus(t) {
		for _, secret := range secrets() {
			for _, place := range []string{"value: ", "- --", "http://", "path: ", "PASSWORD=", "'"} {
				planted := bytes.ReplaceAll(text, []byte(place), []byte(place+secret))
				shown += checkExcerpts(t, planted, secret)
			}
		}
	}
	if shown < 1000 {
		t.Errorf("%d excerpts: too few", shown)
	}
}

// secrets returns forms of one secret.
func secrets() []string {
	const secret = "hunter2/Q+Z"
	return []string{"hunter2QZ", base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), "user:hunter2QZ@host"}
}

// checkExcerpts fails if an excerpt has the secret, and returns how many excerpts there are.
func checkExcerpts(t *testing.T, text []byte, secret string) (shown int) {
	t.Helper()
	for _, f := range (lint.Linter{Excerpts: true}).Lint(lint.File{Path: "x.yaml", Data: text}).Findings {
		if f.Excerpt != "" {
			shown++
		}
		if strings.Contains(f.Excerpt, secret) {
			t.Errorf("%s shows a secret:\n%s", f.Rule, f.Excerpt)
		}
	}
	return shown
}

// FuzzExcerpt plants a secret at any place of a manifest, as a value of an environment variable, as a line of a script, in a
// URL: no excerpt has it, however the rest is damaged.
func FuzzExcerpt(f *testing.F) {
	b, err := os.ReadFile("testdata/seed/02-pattern-1-model-download-ai-critical.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b), 7)
	f.Add("initContainers:\n- command: [sh, -c, \"until nc -z db 1; do sleep 1; done\"]\n", 0)
	f.Fuzz(func(t *testing.T, text string, line int) {
		const secret = "hunter2QZ"
		lines := strings.SplitAfter(text, "\n")
		if line < 0 || line >= len(lines) || strings.Contains(text, "hunter2") {
			return
		}
		at := lines[line]
		for _, planted := range []string{
			strings.Replace(at, ": ", ": https://user:"+secret+"@", 1),
			strings.TrimRight(at, "\n") + " && curl -H " + secret + "\n",
			at + "# " + secret + "\n",
		} {
			checkExcerpts(t, []byte(strings.Join(lines[:line], "")+planted+strings.Join(lines[line+1:], "")), secret)
		}
	})
}
