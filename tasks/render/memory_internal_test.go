package render

import (
	"fmt"
	"strings"
	"testing"
)

// TestMemory refuses what would need too much memory, before it is parsed.
func TestMemory(t *testing.T) {
	t.Parallel()
	const many = 200_000
	for name, text := range map[string]string{
		"nested":   strings.Repeat("{{if true}}", many) + strings.Repeat("{{end}}", many),
		"actions":  strings.Repeat("{{.Env}}", many),
		"words":    "{{print " + strings.Repeat("1 ", 5*many) + "}}",
		"unclosed": strings.Repeat("{{if true}}", many) + "{{",
	} {
		_, err := parseTemplate("t", text, scope{})
		if err == nil || !strings.Contains(err.Error(), "MiB of memory, the limit is 128 MiB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		text  string
		parse func(source) error
	}{
		"YAML": {"a: [" + strings.Repeat("1,", many) + "1]", func(s source) error { _, p := parseYAML(s); return p }},
		"JSON": {"[" + strings.Repeat("1,", 5*many) + "1]", func(s source) error { _, p := parseJSON(s); return p }},
	} {
		if err := test.parse(source{"v", test.text}); err == nil || !strings.Contains(err.Error(), "MiB of memory, the limit is 128 MiB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	var wide strings.Builder
	for i := range maxMembers + 1 {
		fmt.Fprintf(&wide, "k%d: 1\n", i)
	}
	if _, problem := parseYAML(source{"v", wide.String()}); problem == nil || !strings.Contains(problem.Error(), "more than 10000 keys") {
		t.Errorf("a wide mapping: got %v", problem)
	}
}

// TestManyErrors ends the search for more errors in a large template.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "{{.Env.MISSING%d}}\n", i)
	}
	p, err := parseTemplate("t", text.String(), scope{variables: variables{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run(t.Context(), &output{left: maxOutput}); err == nil {
		t.Error("no error")
	}
}
