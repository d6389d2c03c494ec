package conformance_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/tasks/validate/internal/schema"
)

func TestJSONSchemaTestSuite(t *testing.T) {
	t.Parallel()
	const google, qri = "github.com/google/jsonschema-go", "github.com/qri-io/jsonschema"
	found := map[string]string{}
	cases := 0
	for _, s := range []schemaSuite{
		{module: google, testdata: "jsonschema/testdata", name: "draft2020-12", draft: schema.Draft2020},
		{module: google, testdata: "jsonschema/testdata", name: "draft7", draft: schema.Draft7},
		{module: qri, testdata: "testdata", name: "draft2019-09", draft: schema.Draft2019},
		{module: qri, testdata: "testdata", name: "draft6", draft: schema.Draft6},
		{module: qri, testdata: "testdata", name: "draft4", draft: schema.Draft4},
	} {
		s.dir = filepath.Join(moduleDir(t, s.module), s.testdata)
		files, err := filepath.Glob(filepath.Join(s.dir, s.name, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", s.name, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_modified.json") { // of that module, not of the suite
				cases += s.run(t, file, found)
			}
		}
	}
	compare(t, "JSON Schema: JSON-Schema-Test-Suite", cases, found)
}

type schemaSuite struct {
	module, testdata string
	dir              string // of the test data
	name             string // of the draft
	draft            schema.Draft
}

type schemaGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

// run runs the cases of a file, and returns how many there are.
func (s *schemaSuite) run(t *testing.T, file string, found map[string]string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var groups []schemaGroup
	if err := json.Unmarshal(data, &groups); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, g := range groups {
		compiled, err := schema.Compile("schema.json", g.Schema, schema.Options{Load: s.load, Draft: s.draft})
		for _, c := range g.Tests {
			cases++
			name := s.name + "/" + strings.TrimSuffix(filepath.Base(file), ".json") + ": " + g.Description + ": " + c.Description
			if err != nil {
				found[name] = "schema refused: " + err.Error()
				continue
			}
			if got := s.difference(t, compiled, c.Data, c.Valid); got != "" {
				found[name] = got
			}
		}
	}
	return cases
}

func (*schemaSuite) difference(t *testing.T, compiled *schema.Schema, data []byte, valid bool) string {
	t.Helper()
	documents, findings := document.Parse(document.JSON, data, document.Options{Templates: true})
	if len(documents) != 1 {
		t.Fatalf("%s: %v", data, findings)
	}
	violations, err := compiled.Validate(documents[0])
	switch {
	case err != nil:
		return err.Error()
	case valid && len(violations) > 0:
		return "refused: " + violations[0].Code
	case !valid && len(violations) == 0:
		return "accepted"
	}
	return ""
}

// load reads what the suite has at a URI, and the schemas of the drafts.
func (s *schemaSuite) load(uri string) ([]byte, string, error) {
	places := []struct{ prefix, dir, suffix string }{
		{"http://localhost:1234/", "remotes", ""},
		{"https://json-schema.org/draft/2020-12/schema", "../meta-schemas/draft2020-12/schema.json", ""},
		{"https://json-schema.org/draft/2020-12/", "../meta-schemas/draft2020-12", ".json"},
		{"http://json-schema.org/draft-07/schema", "../meta-schemas/draft7/schema.json", ""},
		{"https://json-schema.org/draft/2019-09/schema", "draft2019-09_schema.json", ""},
		{"https://json-schema.org/draft/2019-09/", "", ".json"},
	}
	for _, p := range places {
		if rest, ok := strings.CutPrefix(uri, p.prefix); ok {
			file := filepath.Join(s.dir, p.dir, rest+p.suffix)
			data, err := os.ReadFile(file)
			return data, file, err
		}
	}
	return nil, "", errors.New("not in the suite")
}
