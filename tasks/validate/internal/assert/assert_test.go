package assert_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/tasks/validate/internal/assert"
)

func parse(t *testing.T, format document.Format, text string) *document.Node {
	t.Helper()
	documents, findings := document.Parse(format, []byte(text), document.Options{})
	if len(documents) != 1 {
		t.Fatalf("%v", findings)
	}
	return documents[0]
}

const config = `server: {port: 8080, host: db.example.com}
models: [{name: a, path: /models/a}]
empty: []
debug: false
none:
ratio: 0.5
min: 1
max: 10
text: "8080"
a-b: {"c.d": x}
`

func there(path string) bool { return path == "/models/a" }

func TestEval(t *testing.T) {
	t.Parallel()
	root := parse(t, document.YAML, config)
	for source, want := range map[string]bool{
		"server.port in 1..65535":     true,
		"server.port in 1..80":        false,
		"server.port in 8080..8080":   true,
		"ratio in 0..1":               true,
		"ratio in 0.6..1.5":           false,
		"len(models) > 0":             true,
		"len(empty) > 0":              false,
		"len(server.host) == 14":      true,
		"len(server) == 2":            true,
		"path(models[0].path) exists": true,
		"path(server.host) exists":    false,
		"min < max":                   true,
		"max <= min":                  false,
		"max >= 10":                   true,
		"max > 10":                    false,
		"min != max":                  true,
		"ratio == 0.50":               true,
		`text == 8080`:                false,
		`text == "8080"`:              true,
		`server.port == "8080"`:       false,
		"debug == false":              true,
		"debug == null":               false,
		"none == null":                true,
		`server.host in ["a", "db.example.com", 1]`:      true,
		`server.host in ["a"]`:                           false,
		`server.host matches "^db\."`:                    true,
		`server.host matches "^example"`:                 false,
		`not server.host matches "^example"`:             true,
		"not (min == 1)":                                 false,
		"min == 1 and max == 11":                         false,
		"min == 2 or max == 10":                          true,
		"min == 2 or max == 11":                          false,
		"min == 1 or min == 2 and max == 11":             true,
		"(min == 1 or min == 2) and max == 11":           false,
		`a-b."c.d" == "x"`:                               true,
		"missing == 1 or min == 1":                       true,
		"missing == 1":                                   false,
		"not missing == 1":                               false,
		"server.host > 1":                                false,
		"not server.host > 1":                            false,
		"len(debug) > 0":                                 false,
		"-1 < min":                                       true,
		`models == models and server.port matches "^80"`: true,
	} {
		a, err := assert.Parse(source)
		if err != nil {
			t.Errorf("Parse(%q): %v", source, err)
			continue
		}
		if r := a.Eval(root, there); r.Holds != want {
			t.Errorf("%s: %+v, want %t", source, r, want)
		}
	}
}

func TestEvalSaysWhere(t *testing.T) {
	t.Parallel()
	root := parse(t, document.YAML, config)
	for _, tt := range []struct {
		source, missing, reason string
		line, column            int
	}{
		{"server.port in 1..80", "", "", 1, 16},
		{"80 == server.port", "", "", 1, 16},
		{"min == 1 and max == 11", "", "", 8, 6},
		{"min == 2 or max == 11", "", "", 7, 6},
		{"server.prt == 1", "server.prt", "", 0, 0},
		{"server.host > 1", "", "server.host is not a number", 1, 28},
		{"min < server.host", "", "server.host is not a number", 1, 28},
		{"len(debug) > 0", "", "debug has no length: it is not a list, mapping or string", 4, 8},
		{"path(server.host) exists", "", "the file that server.host names does not exist", 1, 28},
		{"path(debug) exists", "", "debug is not a path", 4, 8},
		{`empty matches "x"`, "", "empty is not a string", 3, 8},
	} {
		a, err := assert.Parse(tt.source)
		if err != nil {
			t.Fatalf("Parse(%q): %v", tt.source, err)
		}
		r := a.Eval(root, there)
		missing, line, column := "", 0, 0
		if r.Missing != nil {
			missing = r.Missing.Wanted
		}
		if r.Value != nil {
			line, column = r.Value.Position().Line, r.Value.Position().Column
		}
		if r.Holds || missing != tt.missing || r.Reason != tt.reason || line != tt.line || column != tt.column {
			t.Errorf("%s: %t, missing %q, %q at %d:%d, want %+v", tt.source, r.Holds, missing, r.Reason, line, column, tt)
		}
	}
}

func TestDotenvValuesAreComparedByWhatTheySay(t *testing.T) {
	t.Parallel()
	root := parse(t, document.Dotenv, "PORT=8080\nDEBUG=true\nNAME=x\n")
	for source, want := range map[string]bool{
		"PORT in 1..65535": true, "PORT > 9000": false, "PORT == 8080": true, "DEBUG == true": true, "DEBUG == false": false,
		`NAME == "x"`: true, "NAME > 1": false,
	} {
		a, err := assert.Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		if r := a.Eval(root, there); r.Holds != want {
			t.Errorf("%s: %+v, want %t", source, r, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for source, column := range map[string]int{
		"":                          1,
		"a":                         2,
		"a ==":                      5,
		"a == 1 b":                  8,
		"a = 1":                     3,
		"é == 'x'":                  6,
		"a in 1":                    7,
		"a in [1":                   8,
		"a in [b]":                  7,
		"a in 1..b":                 9,
		`a matches "("`:             11,
		"a matches b":               11,
		"(a == 1":                   8,
		"not":                       4,
		"len( > 1":                  6,
		"len(a > 1":                 7,
		"path(a)":                   8,
		"a == 1 && b == 2":          8,
		"a == 1 || b == 2":          8,
		"!a":                        1,
		`a == "x`:                   6,
		"a..b == 1":                 2,
		"a.  == 1":                  3,
		"in == 1":                   1,
		"a + 1 == 2":                3,
		strings.Repeat("(", 200):    102,
		strings.Repeat("not ", 200): 405,
		strings.Repeat("a", 5000):   1,
	} {
		_, err := assert.Parse(source)
		e, ok := errors.AsType[*diag.Error](err)
		if !ok || e.Column != column {
			t.Errorf("Parse(%.40q): %v, want an error in column %d", source, err, column)
		}
	}
}

func TestStringMasksStrings(t *testing.T) {
	t.Parallel()
	a, err := assert.Parse(`token == "s3cr3t" or token in ["s3cr3t", 1] and token matches "s3cr3t"`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.String(), `token == "…" or token in ["…", 1] and token matches "…"`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

func FuzzAssert(f *testing.F) {
	for _, seed := range []string{
		"server.port in 1..65535", "len(models) > 0 and not (a == 1 or b in [1, \"x\"])", "path(model.path) exists",
		`a."b.c" matches "^x$"`, "a[0].b != null", "a == 's'", "((((",
	} {
		f.Add(seed, config)
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		const canary = "s3cr3tC4n4ry"
		a, err := assert.Parse(source)
		if err != nil {
			e, ok := errors.AsType[*diag.Error](err)
			if !ok || e.Column < 1 || e.Column > len(source)+1 || len(e.Message) > 100 {
				t.Errorf("Parse(%q): %v", source, err)
			}
			return
		}
		documents, _ := document.Parse(document.YAML, []byte(text+"\ncanary: "+canary), document.Options{})
		for _, root := range documents {
			r := a.Eval(root, func(string) bool { return false })
			if strings.Contains(r.Reason, canary) && !strings.Contains(source, canary) {
				t.Errorf("%s: %s", source, r.Reason)
			}
		}
	})
}
