package schema_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/tasks/validate/internal/schema"
)

func parse(t *testing.T, format document.Format, text string) *document.Node {
	t.Helper()
	documents, findings := document.Parse(format, []byte(text), document.Options{})
	if len(documents) != 1 {
		t.Fatalf("%v", findings)
	}
	return documents[0]
}

func compile(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile("app.schema.json", []byte(text), schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lines(violations []*diag.Error) string {
	var b strings.Builder
	for _, v := range violations {
		fmt.Fprintf(&b, "%d:%d: %s: %s\n", v.Line, v.Column, v.Code, v.Message)
	}
	return b.String()
}

func TestValidateTellsAllViolations(t *testing.T) {
	t.Parallel()
	s := compile(t, `{
		"type": "object",
		"required": ["model", "server", "api.key"],
		"additionalProperties": false,
		"properties": {
			"server": {
				"properties": {
					"port": {"type": "integer", "maximum": 65535},
					"host": {"type": "string", "format": "hostname"},
					"level": {"enum": ["debug", "info"]},
					"mode": {"const": "s3cr3t"}
				},
				"patternProperties": {"^x-": {"type": "string", "minLength": 3}},
				"dependentRequired": {"port": ["tls"]}
			},
			"models": {
				"type": "array", "minItems": 3, "uniqueItems": true,
				"items": {"required": ["name"], "properties": {"weight": {"multipleOf": 0.5}}}
			},
			"url": {"pattern": "^https:"},
			"either": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["ref"]}]},
			"neither": {"anyOf": [{"minimum": 3}, {"maximum": 1}]},
			"never": {"not": {"type": "null"}}
		}
	}`)
	root := parse(t, document.YAML, `server:
  port: 70000.5
  host: s3cr3t_host
  level: s3cr3t
  mode: other
  x-s3cr3t: 1
  x-a: no
models: [{name: a, weight: 0.7}, {nom: b}, {name: a, weight: 0.70}]
url: http://user:s3cr3t@host
either: {s3cr3t: 1}
neither: 2
never:
s3cr3t: 1
`)
	got, err := s.Validate(root)
	if err != nil {
		t.Fatal(err)
	}
	want := `1:1: required: the value does not have the key api.key
1:1: required: the value does not have the key model
2:3: dependentRequired: server does not have the key tls
2:9: maximum: server.port is more than the maximum 65535
2:9: type: server.port is a number, not an integer
3:9: format: server.host is not of the format hostname
4:10: enum: server.level is none of debug, info
5:9: const: server.mode is not the only allowed value
6:13: type: server.… is an integer, not a string
7:8: minLength: server.… has fewer than 3 characters
8:28: multipleOf: models[0].weight is not a multiple of 0.5
8:34: required: models[1] does not have the key name
8:44: uniqueItems: models[2] is the same as item 0
8:62: multipleOf: models[2].weight is not a multiple of 0.5
9:6: pattern: url does not fit the pattern that it must fit
10:9: required: either does not have the key ref
11:10: anyOf: neither fits none of the 2 alternatives
12:1: not: never is one of those that must not be
13:1: additionalProperties: the value has a key that it must not have
`
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if strings.Contains(lines(got), "s3cr3t") {
		t.Error("a violation quotes the file")
	}
}

func TestCompileSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"type": "strnig"}`:                       {`1:10: type: want null, boolean, integer, number, string, array or object`},
		`{"minimum": "1"}`:                         {`1:13: minimum: want a number`},
		`{"minLength": -1}`:                        {`1:15: minLength: want an integer, 0 or more`},
		`{"multipleOf": 0}`:                        {`1:16: multipleOf: want a number above 0`},
		`{"required": "a"}`:                        {`1:14: required: want a list of strings`},
		`{"properties": []}`:                       {`1:16: properties: want a mapping of schemas`},
		`{"items": 1}`:                             {`1:11: want a schema: a mapping, true or false`},
		`{"allOf": []}`:                            {`1:11: allOf: want a list of schemas`},
		`{"pattern": "(?=s3)"}`:                    {`1:13: pattern: a lookahead, (?=…) or (?!…), is supported only at the beginning of a pattern, after ^`},
		`{"pattern": "^(?!s3)a|b"}`:                {`1:13: pattern: a lookahead, (?=…) or (?!…), is supported only at`},
		`{"pattern": "^(?!a(?=s3))"}`:              {`1:13: pattern: a lookahead, (?=…) or (?!…), is supported only at`},
		`{"pattern": "a(?<!s3)"}`:                  {`1:13: pattern: a lookbehind, (?<=…) or (?<!…), is not supported`},
		`{"patternProperties": {"(?<=s3)": true}}`: {`1:24: patternProperties: a lookbehind`},
		`{"pattern": "(a)\\1"}`:                    {`1:13: pattern: a back reference, such as \1 or \k<name>, is not supported`},
		`{"pattern": "(?i)s3"}`:                    {`1:13: pattern: flags in a pattern, such as (?i), are not supported`},
		`{"pattern": "\\y"}`:                       {`1:13: pattern: this escape sequence is not one of JavaScript's`},
		`{"pattern": "(s3"}`:                       {`1:13: pattern: not a regular expression`},
		`{"$ref": "#/$defs/s3"}`:                   {`1:10: $ref: the reference points to nothing`},
		`{"$ref": "#s3"}`:                          {`1:10: $ref: no schema has this anchor`},
		`{"$ref": "http://s3/x"}`:                  {`1:10: $ref: no schema has this URI`},
		`{"$schema": "http://json-schema.org/draft-03/schema#"}`: {`1:13: $schema: not a draft that inith knows`},
		`{"$defs": {"a": {"type": 1}}, "minimum": true}`:         {`1:42: minimum: want a number`, `1:26: type: want null`},
		"{\n \"a\": 1,\n}":                   {`2:8: a comma after the last member`},
		`{"type": "string", "type": "null"}`: {`1:20: duplicate key, first defined at 1:2`},
		`7`:                                  {`1:1: want a schema: a mapping, true or false`},
	} {
		_, err := schema.Compile("app.schema.json", []byte(text), schema.Options{})
		if err == nil {
			t.Errorf("%s: compiles", text)
			continue
		}
		if _, ok := errors.AsType[*diag.Error](err); !ok {
			t.Errorf("%s: %T, want an Error", text, err)
		}
		for _, line := range want {
			if !strings.Contains(err.Error(), "app.schema.json:"+line) {
				t.Errorf("%s: %v, want %s", text, err, line)
			}
		}
	}
}

func TestCompileFileReadsFilesBesideIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"app.json":       `{"properties": {"port": {"$ref": "defs/port.yaml#/$defs/port"}, "name": {"$ref": "https://example.com/s/nowhere.json"}}}`,
		"named.json":     `{"$id": "https://example.com/s/app.json", "properties": {"port": {"$ref": "defs/port.yaml#/$defs/port"}}}`,
		"defs/port.yaml": "$defs:\n  port: {$ref: ../base.json}\n",
		"base.json":      `{"type": "integer"}`,
		"byid.json":      `{"$ref": "https://example.com/schemas/by-id"}`,
		"identified.yml": "$id: 'https://example.com/schemas/by-id'\ntype: integer\n",
		"nested.json":    `{"$ref": "urn:example:nested"}`,
		"holder.json":    `{"definitions": {"x": {"$id": "urn:example:nested", "type": "integer"}}}`,
		"byname.json":    `{"$ref": "https://other.example/x/base.json"}`,
		"noending.json":  `{"$schema": "http://json-schema.org/draft-04/schema#", "id": "https://example.com/s/noending", "$ref": "base#"}`,
		"meta.json":      `{"properties": {"port": {"$ref": "http://json-schema.org/draft-07/schema#"}}}`,
		"outside.json":   `{"$ref": "../secret.json"}`,
		"absolute.json":  `{"$ref": "file:///etc/passwd"}`,
		"lost.json":      `{"$ref": "nowhere.json"}`,
		"broken.json":    `{"$ref": "bad.json"}`,
		"bad.json":       `{"s3cr3t": }`,
	}
	for name, text := range files {
		path := filepath.Join(dir, "schemas", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "secret.json"), []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := schema.CompileFile(filepath.Join(dir, "schemas", "named.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Validate(parse(t, document.JSON, `{"port": "x"}`))
	if err != nil || lines(got) != "1:10: type: port is a string, not an integer\n" {
		t.Errorf("got %s %v", lines(got), err)
	}
	for _, name := range []string{"byid.json", "nested.json", "byname.json", "noending.json"} {
		s, err := schema.CompileFile(filepath.Join(dir, "schemas", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := s.Validate(parse(t, document.JSON, `"x"`)); err != nil || len(got) != 1 {
			t.Errorf("%s: got %s %v", name, lines(got), err)
		}
	}
	if s, err = schema.CompileFile(filepath.Join(dir, "schemas", "meta.json")); err != nil {
		t.Fatal(err)
	}
	got, err = s.Validate(parse(t, document.JSON, `{"port": {"type": "strng"}}`))
	if err != nil || len(got) != 1 {
		t.Errorf("a metaschema: got %s %v", lines(got), err)
	}
	for name, want := range map[string]string{
		"app.json":      "1:82: $ref: inith never reads the network: put a copy of the file beside the schema",
		"outside.json":  "1:10: $ref: ",
		"absolute.json": "1:10: $ref: inith never reads the network",
		"lost.json":     "1:10: $ref: the file does not exist next to the schema",
		"broken.json":   "bad.json:1:12: a value is missing",
	} {
		_, err := schema.CompileFile(filepath.Join(dir, "schemas", name))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if _, err := schema.Compile("s.yaml", []byte("{}\n---\n{}\n"), schema.Options{}); err == nil {
		t.Error("a schema of two documents compiles")
	}
	if _, err := schema.CompileFile(filepath.Join(dir, "nothing.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// hang is what no input takes, on the slowest machine.
const hang = 5 * time.Minute

func TestValidateIsBounded(t *testing.T) {
	t.Parallel()
	var chain strings.Builder
	for i := range 60 {
		fmt.Fprintf(&chain, `"a%d": {"allOf": [{"$ref": "#/$defs/a%d"}, {"$ref": "#/$defs/a%d"}]},`, i, i+1, i+1)
	}
	for name, text := range map[string]string{
		"itself":      `{"$ref": "#"}`,
		"each other":  `{"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}`,
		"exponential": `{"$ref": "#/$defs/a0", "$defs": {` + chain.String() + `"a60": true}}`,
		"twice":       `{"allOf": [{"$ref": "#"}, {"$ref": "#"}]}`,
	} {
		_, err := compile(t, text).Validate(parse(t, document.JSON, `{"a": 1}`))
		if !errors.Is(err, schema.ErrTooComplex) {
			t.Errorf("%s: %v, want %v", name, err, schema.ErrTooComplex)
		}
	}
}

// TestDrafts holds what differs between the drafts.
func TestDrafts(t *testing.T) {
	t.Parallel()
	const four, six, seven = "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#", "https://json-schema.org/draft-07/schema"
	const d2019, latest, none = "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/schema#", ""
	for _, c := range []struct {
		draft, schema, instance string
		violations              int
	}{
		{four, `"minimum": 1, "exclusiveMinimum": true`, `1`, 1},
		{four, `"minimum": 1, "exclusiveMinimum": false`, `1`, 0},
		{four, `"maximum": 1, "exclusiveMaximum": true`, `1`, 1},
		{four, `"exclusiveMaximum": true`, `1`, 0},
		{four, `"const": 1`, `2`, 1},
		{four, `"id": "http://x/y", "$ref": "#a", "definitions": {"b": {"id": "#a", "type": "null"}}`, `2`, 1},
		{four, `"items": [{"type": "null"}], "additionalItems": false`, `[1, 2]`, 2},
		{four, `"dependencies": {"a": ["b"]}`, `{"a": 1}`, 1},
		{"http://json-schema.org/draft-04/hyper-schema#", `"minimum": 1, "exclusiveMinimum": true`, `1`, 1},
		{six, `"exclusiveMinimum": 1, "contains": {"type": "null"}`, `[1]`, 1},
		{six, `"exclusiveMinimum": 1`, `1`, 1},
		{six, `"$id": "http://x/y", "$ref": "#a", "definitions": {"b": {"$id": "#a", "type": "null"}}`, `2`, 1},
		{seven, `"$ref": "#/definitions/a", "minimum": 5, "definitions": {"a": {"type": "integer"}}`, `1`, 0},
		{d2019, `"$ref": "#/$defs/a", "minimum": 5, "$defs": {"a": {"type": "integer"}}`, `1`, 1},
		{d2019, `"items": [{"type": "null"}], "unevaluatedItems": false`, `[null, 2]`, 1},
		{d2019, `"contains": {"const": 2}, "unevaluatedItems": false`, `[2]`, 1},
		{d2019, `"dependentRequired": {"a": ["b"]}, "minContains": 1`, `{"a": 1}`, 1},
		{d2019, `"properties": {"a": {"$recursiveRef": "#"}}, "additionalProperties": false`, `{"a": {"b": 1}}`, 1},
		{latest, `"properties": {"a": {"type": "string"}}, "required": ["a"]`, `{"a": 1}`, 1},
		{"https://json-schema.org/schema", `"prefixItems": [{"type": "null"}]`, `[1]`, 1},
		{none, `"prefixItems": [{"type": "null"}], "contains": {"type": "integer"}, "unevaluatedItems": false`, `[1]`, 1},
	} {
		head := "{"
		if c.draft != "" {
			head = `{"$schema": "` + c.draft + `", `
		}
		got, err := compile(t, head+c.schema+"}").Validate(parse(t, document.JSON, c.instance))
		if err != nil || len(got) != c.violations {
			t.Errorf("%s: %s for %s: got %v %s, want %d", c.draft, c.schema, c.instance, err, lines(got), c.violations)
		}
	}
}

// TestRecursiveRef extends a tree by a schema that allows no other keys.
func TestRecursiveRef(t *testing.T) {
	t.Parallel()
	const text = `{
		"$schema": "https://json-schema.org/draft/2019-09/schema", "$id": "http://x/strict", "$recursiveAnchor": true,
		"$ref": "tree", "unevaluatedProperties": false,
		"$defs": {"tree": {
			"$id": "tree", "$recursiveAnchor": ANCHOR,
			"properties": {"name": {"type": "string"}, "child": {"$recursiveRef": "#"}}
		}}
	}`
	for anchor, want := range map[string]int{"true": 1, "false": 0} {
		s := compile(t, strings.ReplaceAll(text, "ANCHOR", anchor))
		got, err := s.Validate(parse(t, document.JSON, `{"name": "a", "child": {"nam": "b"}}`))
		if err != nil || len(got) != want {
			t.Errorf("%s: got %v %s, want %d", anchor, err, lines(got), want)
		}
	}
}

func TestLookahead(t *testing.T) {
	t.Parallel()
	for pattern, texts := range map[string]map[string]bool{
		`^(?!@@)[@a-z]+$`:                  {"a": true, "@@a": false, "a@@": true, "A": false},
		`^(?!\\.{1,2}$)(?!.*\\/)[a-z./]+$`: {"a": true, "..": false, "...": true, "a/b": false},
		`^(?=[A-Z])[a-zA-Z]*b$`:            {"Ab": true, "ab": false, "A": false},
		`^(?!a|b).*`:                       {"c": true, "b": false},
		`^(?![()\\)]x)[\\s\\S]*$`:          {"(x": false, "y": true},
		`[\\S]b`:                           {"ab": true, " b": false},
	} {
		s := compile(t, `{"pattern": "`+pattern+`"}`)
		for text, want := range texts {
			got, err := s.Validate(parse(t, document.JSON, `"`+text+`"`))
			if err != nil || (len(got) == 0) != want {
				t.Errorf("%s on %s: got %v %s, want %t", pattern, text, err, lines(got), want)
			}
		}
	}
}

func TestValidateReadsADotenvFile(t *testing.T) {
	t.Parallel()
	s := compile(t, `{"properties": {"PORT": {"type": "integer", "maximum": 100}, "DEBUG": {"type": "boolean"}, "NAME": {"type": "integer"}, "ZIP": {"type": "string"}}}`)
	got, err := s.Validate(parse(t, document.Dotenv, "PORT=200\nDEBUG=true\nNAME=x\nZIP=0123\n"))
	want := "1:6: maximum: PORT is more than the maximum 100\n3:6: type: NAME is a string, not an integer\n"
	if err != nil || lines(got) != want {
		t.Errorf("got %s %v, want %s", lines(got), err, want)
	}
}

func FuzzSchema(f *testing.F) {
	for _, seed := range []string{
		`{"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"anyOf": [{"minimum": 1}, {"pattern": "^a"}]}}}`,
		`{"$id": "http://x/y", "$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}, "unevaluatedItems": false}`,
		`{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}, "items": [true], "additionalItems": {"not": {}}}`,
		`{"allOf": [{"$ref": "#"}]}`, `{"format": "date-time", "const": 1e3, "enum": [null]}`, `false`,
	} {
		f.Add(seed, `{"a": [1, 2.5, "x", null, {"b": true}]}`)
	}
	f.Fuzz(func(t *testing.T, text, instance string) {
		const canary = "s3cr3tC4n4ry"
		for _, at := range []int{0, len(text) / 2, len(text)} {
			with := text[:at] + canary + text[at:]
			if _, err := schema.Compile("s.json", []byte(with), schema.Options{}); err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("%s quotes the schema: %v", with, err)
			}
		}
		s, err := schema.Compile("s.json", []byte(text), schema.Options{})
		if err != nil {
			return
		}
		start := time.Now()
		documents, _ := document.Parse(document.YAML, []byte(instance+"\n# "+canary+"\n"+canary+": "+canary), document.Options{})
		for _, root := range documents {
			violations, err := s.Validate(root)
			if err != nil && !errors.Is(err, schema.ErrTooComplex) {
				t.Error(err)
			}
			for _, v := range violations {
				if strings.Contains(v.Message, canary) && !strings.Contains(text, canary) || v.Line < 1 || v.Column < 1 {
					t.Errorf("%+v", v)
				}
			}
		}
		if took := time.Since(start); took > hang {
			t.Errorf("%v for %q and %q", took, text, instance)
		}
	})
}
