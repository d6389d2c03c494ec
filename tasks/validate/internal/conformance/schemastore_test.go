package conformance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/tasks/validate/internal/schema"
)

// TestSchemaStore runs SchemaStore's own tests of some of its schemas.
func TestSchemaStore(t *testing.T) {
	t.Parallel()
	const root = "testdata/schemastore"
	found := map[string]string{}
	cases := 0
	for directory, valid := range map[string]bool{"test": true, "negative_test": false} {
		files, err := filepath.Glob(filepath.Join(root, directory, "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := filepath.Base(filepath.Dir(file))
			compiled, err := schema.CompileFile(filepath.Join(root, "schemas", name+".json"))
			if err != nil {
				t.Error(err)
				continue
			}
			cases++
			if got := verdict(t, compiled, file, valid); got != "" {
				found[directory+"/"+name+"/"+filepath.Base(file)] = got
			}
		}
	}
	compareAtLeast(t, "JSON Schema: SchemaStore", cases, 50, found)
}

// verdict returns "" if a file is as valid as it should be.
func verdict(t *testing.T, compiled *schema.Schema, file string, valid bool) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	format := document.FormatOf(file)
	if format == document.JSON { // SchemaStore's validator takes comments
		format = document.JSONC
	}
	documents, findings := document.Parse(format, data, document.Options{Templates: true})
	if len(documents) == 0 {
		t.Fatalf("%s: %v", file, findings)
	}
	count := 0
	for _, root := range documents {
		violations, err := compiled.Validate(root)
		if err != nil {
			return err.Error()
		}
		count += len(violations)
	}
	switch {
	case valid && count > 0:
		return "refused"
	case !valid && count == 0:
		return "accepted"
	}
	return ""
}
