package validate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/tasks/validate"
)

var updateContent = flag.Bool("update-content", false, "write the golden files of the content checks")

func paths(t *testing.T, texts ...string) []validate.Path {
	t.Helper()
	var list []validate.Path
	for _, text := range texts {
		path, err := validate.ParsePath(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		list = append(list, path)
	}
	return list
}

func types(t *testing.T, pairs ...string) validate.Types {
	t.Helper()
	var list validate.Types
	for i := 0; i < len(pairs); i += 2 {
		kind, err := validate.ParseType(pairs[i+1])
		if err != nil {
			t.Fatal(err)
		}
		list.Keys = append(list.Keys, validate.KeyType{Key: paths(t, pairs[i])[0], Type: kind})
	}
	return list
}

func assertions(t *testing.T, sources ...string) validate.Assert {
	t.Helper()
	var list validate.Assert
	for _, source := range sources {
		a, err := validate.ParseAssertion(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		list.Assertions = append(list.Assertions, a)
	}
	return list
}

// contentChecks has a check for each file of testdata/content.
func contentChecks(t *testing.T) map[string]validate.Check {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.json")
	text := `{"properties": {"server": {"properties": {"port": {"type": "integer", "maximum": 65535}}}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port, err := validate.CompileSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]validate.Check{
		"required-key.yaml":  validate.Require{Keys: paths(t, "server.port", "models[0]", "models[1]", "host.name", "server[0]", "absent.deep", "host")},
		"null-value.yaml":    validate.Require{Keys: paths(t, "model", "api.key")},
		"empty-value.yaml":   validate.Require{Keys: paths(t, "model", "name", "list", "map")},
		"placeholder.yaml":   validate.Require{Keys: paths(t, "key", "aws", "token", "other", "password", "fine")},
		"forbidden-key.json": validate.Forbid{Keys: paths(t, "debug", "server.admin", "other")},
		"one-of.toml":        validate.OneOf{Keys: paths(t, "url", "host", "socket")},
		"wrong-type.yaml": types(t, "port", "int", "debug", "bool", "name", "string", "models", "list", "labels", "map", "ratio", "number",
			"right", "number", "absent", "int"),
		"wrong-type.env": types(t, "PORT", "int", "DEBUG", "bool", "RATIO", "number"),
		"assertion.yaml": assertions(t, "server.port in 1..65535", "len(models) > 0", "min < max", "server.host > 1", "server.hsot == 1",
			`server.host in ["s3cr3t-too"]`, "path(server.host) exists", "min == 5"),
		"schema.yaml": port,
	}
}

func TestContentChecks(t *testing.T) {
	t.Parallel()
	checks := contentChecks(t)
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", "content", name)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := validate.NewInput(name, validate.FormatOf(name), data)
			if !in.Parsed() {
				t.Fatal("not parsed")
			}
			problems, err := check.Check(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(problems)
			if strings.Contains(got, "s3cr3t") {
				t.Error("a problem quotes the file")
			}
			compareGolden(t, file+".golden", got)
		})
	}
}

func TestEachContentRuleHasABadFile(t *testing.T) {
	t.Parallel()
	checks := contentChecks(t)
	for _, rule := range []string{
		"required-key", "null-value", "empty-value", "placeholder", "forbidden-key", "one-of", "wrong-type", "schema", "assertion",
	} {
		if !slices.ContainsFunc(validate.KnownRules(), func(r validate.KnownRule) bool { return r.Name == rule }) {
			t.Errorf("%s is not in KnownRules", rule)
		}
		b, err := os.ReadFile(filepath.Join("testdata", "content", rule+".yaml.golden"))
		for _, ext := range []string{".json", ".toml"} {
			if err != nil {
				b, err = os.ReadFile(filepath.Join("testdata", "content", rule+ext+".golden"))
			}
		}
		if err != nil || !strings.Contains(string(b), ": "+rule+": ") {
			t.Errorf("no file in testdata/content breaks %s: %v", rule, err)
		}
	}
	files, err := filepath.Glob("testdata/content/*.golden")
	if err != nil || len(files) != len(checks) {
		t.Errorf("%d golden files, %d checks: %v", len(files), len(checks), err)
	}
}

// TestSuggestionsShowNamesOnly: what is near to a key may be the rest of a value.
func TestSuggestionsShowNamesOnly(t *testing.T) {
	t.Parallel()
	in := validate.NewInput("f", validate.JSON, []byte(`{"passw\u001brd": 1, "password ": 2}`))
	problems, err := validate.Require{Keys: paths(t, "password")}.Check(t.Context(), in)
	if got, want := describe(problems), "f:1:1: required-key: password is missing\n"; err != nil || got != want {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
}

func describe(problems []validate.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s", p.Path, p.Line, p.Column, p.Rule, p.Message)
		if p.Hint != "" {
			fmt.Fprintf(&b, " (%s)", p.Hint)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *updateContent {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestContentChecksOfNothing: a file that could not be parsed has its finding
// already, one without documents lacks every key.
func TestContentChecksOfNothing(t *testing.T) {
	t.Parallel()
	key := paths(t, "a", "b")
	for name, tt := range map[string]struct {
		check validate.Check
		empty string
	}{
		"require": {validate.Require{Keys: key}, "f:0:0: required-key: a is missing: the file has no values\nf:0:0: required-key: b is missing: the file has no values\n"},
		"forbid":  {validate.Forbid{Keys: key}, ""},
		"one of":  {validate.OneOf{Keys: key}, "f:0:0: one-of: none of a, b is present (add one)\n"},
		"types":   {types(t, "a", "int"), ""},
		"schema":  {objectSchema(t), "f:0:0: schema: the value is null, not a mapping (type)\n"},
		"assert":  {assertions(t, "a == 1"), "f:0:0: assertion: does not hold: a == 1: the file has no values\n"},
	} {
		for want, in := range map[string]validate.Input{
			"": validate.NewInput("f", validate.YAML, []byte("[")), tt.empty: validate.NewInput("f", validate.YAML, nil),
		} {
			problems, err := tt.check.Check(t.Context(), in)
			if got := describe(problems); err != nil || got != want {
				t.Errorf("%s, parsed: %t, got %q %v, want %q", name, in.Parsed(), got, err, want)
			}
		}
	}
}

// objectSchema is met by mappings.
func objectSchema(t *testing.T) validate.Schema {
	t.Helper()
	file := filepath.Join(t.TempDir(), "object.json")
	if err := os.WriteFile(file, []byte(`{"type": "object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := validate.CompileSchema(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNoDocument holds a file without content to a schema as null is, and a trailing --- to be no document.
func TestNoDocument(t *testing.T) {
	t.Parallel()
	const null = "f:0:0: schema: the value is null, not a mapping (type)\n"
	for text, want := range map[string]string{
		"":                         null,
		"# nothing\n":              null,
		"---\n":                    null,
		"---\n# nothing\n":         null,
		"a: 1\n---\n":              "",
		"a: 1\n---\n# nothing\n":   "",
		"a: 1\n...\n":              "",
		"a: 1\n---\nnull\n":        "f:3:1: schema: the value is null, not a mapping (type)\n",
		"a: 1\n---\n---\nb: 1\n":   "f:3:1: schema: the value is null, not a mapping (type)\n",
		"a: 1\n---\nb: 1\n---\n\n": "",
	} {
		problems, err := objectSchema(t).Check(t.Context(), validate.NewInput("f", validate.YAML, []byte(text)))
		if got := describe(problems); err != nil || got != want {
			t.Errorf("%q: got %q %v, want %q", text, got, err, want)
		}
	}
}

func TestContentChecksLookAtAllDocuments(t *testing.T) {
	t.Parallel()
	in := validate.NewInput("f", validate.YAML, []byte("a: 1\n---\nb: x\n"))
	for name, tt := range map[string]struct {
		check validate.Check
		want  string
	}{
		"require": {validate.Require{Keys: paths(t, "a", "b")}, ""},
		"forbid":  {validate.Forbid{Keys: paths(t, "b")}, "f:3:4: forbidden-key: b is not allowed (remove it)\n"},
		"one of":  {validate.OneOf{Keys: paths(t, "a", "b")}, "f:3:4: one-of: more than one of a, b is present (keep one)\n"},
		"types":   {types(t, "b", "int"), "f:3:4: wrong-type: b is a string, not an integer\n"},
		"assert":  {assertions(t, `b == "x"`, "a == 2"), "f:1:4: assertion: does not hold: a == 2\n"},
	} {
		problems, err := tt.check.Check(t.Context(), in)
		if got := describe(problems); err != nil || got != tt.want {
			t.Errorf("%s: got %q %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestParseTypeErrors(t *testing.T) {
	t.Parallel()
	_, err := validate.ParseType("integr")
	if err == nil || strings.Contains(err.Error(), "integr") {
		t.Errorf("ParseType: %v, want an error that quotes nothing", err)
	}
	if _, err := validate.ParseType("strng"); err == nil || !strings.Contains(err.Error(), `did you mean "string"?`) {
		t.Errorf("ParseType: %v, want a suggestion", err)
	}
}
