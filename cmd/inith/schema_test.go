package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/rulesfile"
	"github.com/inith/inith/tasks/validate"
)

// TestSchemaOfRules holds the JSON Schema of rules.yaml to what inith itself
// accepts: every rules.yaml of the golden files, and problems that it refuses.
func TestSchemaOfRules(t *testing.T) {
	t.Parallel()
	violations := violationsOf(t, schemaOf("rules"))
	all := filesOfScripts(t, func(name string) bool { return name == "rules.yaml" })
	for where, text := range all {
		if n := violations(text); n > 0 {
			t.Errorf("%s: the schema refuses its rules.yaml: %d violations", where, n)
		}
	}
	if len(all) < 20 {
		t.Errorf("%d rules.yaml in the scripts", len(all))
	}
	for _, bad := range []string{
		"[]", "file: []", "files: [{}]", "files: [{path: x, secret: true}]", "files: [{path: x, format: ymal}]", "files: [{path: x, require: a}]",
		"tls: {}", "env: [A]", "env: {A: {type: integer}}", "env: {A: {url: 1}}", "env: {A: {min: low}}",
	} {
		if violations(bad) == 0 {
			t.Errorf("the schema accepts %s", bad)
		}
	}
}

// violationsOf returns what counts the violations of a schema.
func violationsOf(t *testing.T, text []byte) func(yaml string) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	compiled, err := validate.CompileSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(yaml string) int {
		in := validate.NewInput("f", validate.YAML, []byte(yaml))
		if !in.Parsed() {
			t.Fatalf("not a document: %s", yaml)
		}
		all, err := compiled.Check(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
}

// filesOfScripts returns files of the scripts and golden files, by where they are.
func filesOfScripts(t *testing.T, is func(name string) bool) map[string]string {
	t.Helper()
	scripts, err := filepath.Glob("../../testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if is(f.Name) {
				all[filepath.Base(name)+": "+f.Name] = string(f.Data)
			}
		}
	}
	return all
}

// TestSchemaOfPlans holds the JSON Schema of plan.yaml to what inith itself accepts:
// the plans of the script, of the documentation and of the examples.
func TestSchemaOfPlans(t *testing.T) {
	t.Parallel()
	violations := violationsOf(t, schemaOf("plan"))
	plans := filesOfScripts(t, func(string) bool { return true })
	maps.DeleteFunc(plans, func(where, text string) bool {
		return !strings.HasPrefix(where, "run.txtar") || !strings.HasPrefix(text, "steps:")
	})
	if len(plans) < 8 {
		t.Errorf("%d plans in run.txtar", len(plans))
	}
	_, example, _ := strings.Cut(readText(t, "../../docs/run.md"), "```yaml\n")
	plans["docs/run.md"], _, _ = strings.Cut(example, "```")
	examples, err := filepath.Glob("../../examples/plans/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range examples {
		plans[name] = readText(t, name)
	}
	env := environment.Variables{"MODEL_URL=https://h/x", "MODEL_SHA256=" + strings.Repeat("0", 64), "TOKEN=x", "REDIS=h:1", "REFUSED=h:1", "WORK=/x", "DATABASE_URL=postgres://db/x"}
	value := func(name string) string { v, _ := env.Get(name); return v }
	for where, text := range plans {
		if n := violations(text); n > 0 {
			t.Errorf("%s: the schema refuses it: %d violations", where, n)
		}
		root, err := option.Parse([]byte(os.Expand(text, value)))
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := option.ReadMapping(root, planfile.Table(stepKinds(&runner{env: env}))); len(problems) > 0 {
			t.Errorf("%s: %v", where, problems)
		}
	}
	for _, bad := range []string{
		"[]", "{}", "steps: {}", "steps: [{name: a}]", "steps: [{exec: [a]}]", "steps: [{name: a, exec: [a], wait: [a]}]", "steps: [{name: a, exec: {}}]",
		"steps: [{name: a, wait: {timeout: 5m, levl: auth}}]", "steps: [{name: a, retries: x, exec: [a]}]", "steps: [{name: a, files: [{mkdir: [a]}]}]",
	} {
		if violations(bad) == 0 {
			t.Errorf("the schema accepts %s", bad)
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestExamplesOfRules holds the rules.yaml of the documentation to the reader.
func TestExamplesOfRules(t *testing.T) {
	t.Parallel()
	_, example, _ := strings.Cut(readText(t, "../../docs/validate.md"), "```yaml\n")
	example, _, ok := strings.Cut(example, "```")
	root, err := option.Parse([]byte(strings.Replace(example, "    schema: /config/app.schema.json\n", "", 1)))
	if err != nil || !ok {
		t.Fatal(err)
	}
	rules, problems := option.ReadMapping(root, rulesfile.Table())
	if len(problems) > 0 || len(rules.Files) != 2 || len(rules.TLS) != 1 || len(rules.Env) != 1 {
		t.Errorf("got %+v, %v", rules, problems)
	}
}
