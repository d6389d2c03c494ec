package conformance_test

import (
	"encoding/json"
	"io/fs"
	"math"
	"strings"
	"testing"

	tomltest "github.com/toml-lang/toml-test/v2"

	"github.com/inith/inith/internal/document"
)

func TestTOMLTest(t *testing.T) {
	t.Parallel()
	suite := tomltest.TestCases()
	list, err := fs.ReadFile(suite, "files-toml-1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	cases := 0
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		if !strings.HasSuffix(name, ".toml") {
			continue
		}
		cases++
		if got := tomlDifference(t, suite, name); got != "" {
			found[name] = got
		}
	}
	compare(t, "TOML: toml-test", cases, found)
}

// tomlDifference returns what inith does other than the suite wants, or "".
func tomlDifference(t *testing.T, suite fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(suite, name)
	if err != nil {
		t.Fatal(err)
	}
	documents, findings := document.Parse(document.TOML, data, document.Options{Templates: true})
	switch invalid := strings.HasPrefix(name, "invalid/"); {
	case invalid && len(findings) == 0:
		return "accepted"
	case invalid:
		return ""
	case documents == nil:
		return "refused: " + findings[0].Code
	case len(findings) > 0:
		return "finding: " + findings[0].Code
	}
	want, err := fs.ReadFile(suite, strings.TrimSuffix(name, ".toml")+".json")
	if err != nil {
		t.Fatal(err)
	}
	var tagged any
	if err := json.Unmarshal(want, &tagged); err != nil {
		t.Fatal(err)
	}
	if !sameTagged(documents[0], tagged) {
		return "other value"
	}
	return ""
}

// sameTagged reports whether n has the value that the suite describes by
// {"type": …, "value": …}.
func sameTagged(n *document.Node, want any) bool {
	switch want := want.(type) {
	case []any:
		same := n.Kind == document.Sequence && len(n.Items) == len(want)
		for i := range want {
			same = same && sameTagged(n.Items[i], want[i])
		}
		return same
	case map[string]any:
		if text, ok := want["value"].(string); ok && len(want) == 2 {
			return sameScalar(n, want["type"], text)
		}
		same := n.Kind == document.Mapping && len(n.Members) == len(want)
		for _, m := range n.Members {
			v, ok := want[m.Key.Text]
			same = same && ok && sameTagged(m.Value, v)
		}
		return same
	}
	return false
}

func sameScalar(n *document.Node, kind any, text string) bool {
	switch kind {
	case "bool":
		return n.Kind == document.Bool && n.Text == text
	case "integer":
		return n.Kind == document.Int && number(n) == number(&document.Node{Kind: document.Int, Text: text})
	case "float":
		got, _ := number(n).(float64)
		want, _ := number(&document.Node{Kind: document.Float, Text: text}).(float64)
		return n.Kind == document.Float && (got == want || math.IsNaN(got) && math.IsNaN(want))
	case "string":
		return n.Kind == document.String && n.Text == text
	default:
		return n.Kind == document.String // a date, in a normal form of the suite's own
	}
}
