package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/inith/inith/internal/keys"
	"github.com/inith/inith/tasks/validate/document"
	"github.com/inith/inith/tasks/validate/schema"
)

// TestSchemaOfRules holds the JSON Schema of rules.yaml to what inith itself
// accepts: every rules.yaml of the golden files, and mistakes that it refuses.
func TestSchemaOfRules(t *testing.T) {
	t.Parallel()
	compiled, err := schema.Compile("rules", keys.Schema("rules", rulesTable()), schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	violations := func(text string) int {
		documents, _ := document.Parse(document.YAML, []byte(text), document.Options{Templates: true})
		if len(documents) != 1 {
			t.Fatalf("not a document: %s", text)
		}
		all, err := compiled.Validate(documents[0])
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	scripts, err := filepath.Glob("../../testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name != "rules.yaml" {
				continue
			}
			seen++
			if n := violations(string(f.Data)); n > 0 {
				t.Errorf("%s: the schema refuses its rules.yaml: %d violations", filepath.Base(name), n)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d rules.yaml in %d scripts", seen, len(scripts))
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

// TestExamplesOfRules holds the rules.yaml of the documentation to the reader.
func TestExamplesOfRules(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/validate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(b), "```yaml\n")
	example, _, ok := strings.Cut(example, "```")
	root, err := keys.Parse([]byte(strings.Replace(example, "    schema: /config/app.schema.json\n", "", 1)))
	if err != nil || !ok {
		t.Fatal(err)
	}
	rules, mistakes := keys.ReadMapping(root, rulesTable())
	if len(mistakes) > 0 || len(rules.Files) != 2 || len(rules.TLS) != 1 || len(rules.Env) != 1 {
		t.Errorf("got %+v, %v", rules, mistakes)
	}
}
