package conformance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inith/inith/internal/document"
)

func TestYAMLTestSuite(t *testing.T) {
	t.Parallel()
	root := filepath.Join(moduleDir(t, "github.com/goccy/go-yaml"), "testdata", "yaml-test-suite")
	inputs, err := filepath.Glob(filepath.Join(root, "*", "in.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, input := range inputs {
		dir := filepath.Dir(input)
		if got := yamlDifference(t, dir); got != "" {
			found[filepath.Base(dir)] = got
		}
	}
	compare(t, "YAML: yaml-test-suite", len(inputs), found)
}

// yamlDifference returns what inith does other than the suite wants, or "".
func yamlDifference(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "in.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents, findings := document.Parse(document.YAML, data, document.Options{Templates: true})
	_, err = os.Stat(filepath.Join(dir, "error"))
	switch invalid, refused := err == nil, documents == nil && len(findings) > 0; {
	case invalid && !refused && len(findings) == 0:
		return "accepted"
	case invalid:
		return ""
	case refused:
		return "refused: " + findings[0].Code
	case len(findings) > 0:
		return "finding: " + findings[0].Code
	}
	want, err := os.ReadFile(filepath.Join(dir, "in.json"))
	if err == nil && !sameJSON(documents, want) {
		return "other value"
	}
	return ""
}
