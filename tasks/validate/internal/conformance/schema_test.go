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
	root := filepath.Join(moduleDir(t, "github.com/google/jsonschema-go"), "jsonschema")
	found := map[string]string{}
	cases := 0
	for _, draft := range []string{"draft7", "draft2020-12"} {
		files, err := filepath.Glob(filepath.Join(root, "testdata", draft, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			s := &schemaSuite{root: root, draft: draft, name: draft + "/" + strings.TrimSuffix(filepath.Base(file), ".json")}
			cases += s.run(t, file, found)
		}
	}
	compare(t, "JSON Schema: JSON-Schema-Test-Suite", cases, found)
}

type schemaSuite struct{ root, draft, name string }

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
		compiled, err := schema.Compile("schema.json", g.Schema, schema.Options{Load: s.load, Draft7: s.draft == "draft7"})
		for _, c := range g.Tests {
			cases++
			name := s.name + ": " + g.Description + ": " + c.Description
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
	var file string
	if rest, ok := strings.CutPrefix(uri, "http://localhost:1234/"); ok {
		file = filepath.Join("testdata", "remotes", rest)
	} else if rest, ok := strings.CutPrefix(uri, "https://json-schema.org/draft/2020-12/"); ok {
		file = filepath.Join("meta-schemas", "draft2020-12", rest+".json")
		if rest == "schema" {
			file = filepath.Join("meta-schemas", "draft2020-12", "schema.json")
		}
	} else if uri == "http://json-schema.org/draft-07/schema" {
		file = filepath.Join("meta-schemas", "draft7", "schema.json")
	} else {
		return nil, "", errors.New("not in the suite")
	}
	data, err := os.ReadFile(filepath.Join(s.root, file))
	return data, file, err
}
