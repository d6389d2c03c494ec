// Package conformance_test runs suites that others wrote. Where inith differs
// from one, docs/validate-conformance.md has a row that says why, and no other.
package conformance_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	// The suites are data in these modules.
	_ "github.com/goccy/go-yaml/token"
	_ "github.com/google/jsonschema-go/jsonschema"
	_ "github.com/qri-io/jsonschema"
)

// moduleDir returns the directory of a module that go.mod has.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// documented returns the rows of a section of the document: the case, and what
// inith does with it.
func documented(t *testing.T, section string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../../../docs/validate-conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(text, -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s: %s is there twice", section, m[1])
		}
		rows[m[1]] = strings.TrimSpace(m[2])
	}
	return rows
}

// compare fails unless the differences that were found are those of the document.
func compare(t *testing.T, section string, cases int, found map[string]string) {
	t.Helper()
	compareAtLeast(t, section, cases, 300, found)
}

func compareAtLeast(t *testing.T, section string, cases, fewest int, found map[string]string) {
	t.Helper()
	t.Logf("%s: %d cases, %d differences", section, cases, len(found))
	if cases < fewest {
		t.Errorf("%s: %d cases, that is not the suite", section, cases)
	}
	if diff := cmp.Diff(documented(t, section), found); diff != "" {
		t.Errorf("%s: the document (-) and what was found (+) differ:\n%s", section, diff)
	}
}
