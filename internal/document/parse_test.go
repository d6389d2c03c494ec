package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// TestFindingsQuoteNothing: a parser's own words for these hold what the file
// does.
func TestFindingsQuoteNothing(t *testing.T) {
	t.Parallel()
	for format, texts := range map[document.Format][]string{
		document.YAML: {
			"a: *" + canary, "a: !" + canary + "!x y", "a: !!int " + canary, "a: !!bool " + canary, "%" + canary + "\na", canary + ": \"\\q\"",
			"- " + canary + "\nb: 1", canary + ": 1\n" + canary + ": 2", "a: \x01" + canary, "<<: " + canary, "%TAG !" + canary, "a: &" + canary + " [*" + canary + "]",
		},
		document.JSON: {
			`{"` + canary + `": ` + canary + `}`, `{"` + canary + `" 1}`, `{"` + canary + `": 1, "` + canary + `": 2}`, `"` + canary + `\q"`, canary, `{` + canary + `: 1}`,
		},
		document.TOML: {
			canary, canary + " = " + canary, canary + " = 1\n" + canary + " = 2", "[" + canary, "a = 1979-13-01 # " + canary, `a = "` + canary + `\q"`,
			"a = 99999999999999999999 # " + canary, "[a." + canary + "]\n[a." + canary + "]", canary + " = {x = 1}\n" + canary + ".y = 1",
		},
		document.Dotenv: {canary + " x", canary + "*x=1", "A='" + canary, `A="` + canary + `" ` + canary, "=" + canary, canary + "=1\n" + canary + "=2", "A = " + canary},
		document.KubeEnv: {
			canary, canary + "=1", canary + " ='x'", "A='" + canary, "A='" + canary + "'" + canary, "A=\"" + canary + "\"", canary + "='1'\n" + canary + "='2'",
		},
		document.Text: {"{{ " + canary + " }}", "<change-" + canary + ">", canary + "\x00", canary + "\xff"},
	} {
		for _, text := range texts {
			_, findings := document.Parse(format, []byte(text), document.Options{YAML11: true})
			if len(findings) == 0 {
				t.Errorf("%s: nothing found in %q", format, text)
			}
			if all := said(findings); strings.Contains(all, canary) {
				t.Errorf("%s: %q is quoted: %s", format, text, all)
			}
		}
	}
}

// TestBombs: what is small as a file and large as a tree is refused.
func TestBombs(t *testing.T) {
	t.Parallel()
	var deep, wide strings.Builder
	deep.WriteString("a0: &a0 [x]\n")
	wide.WriteString("a0: &a0 {x: 1}\n")
	for i := 1; i < 5000; i++ {
		fmt.Fprintf(&deep, "a%d: &a%d [*a%d]\n", i, i, i-1)
		fmt.Fprintf(&wide, "a%d: &a%d {<<: *a%d, k%d: 1}\n", i, i, i-1, i)
	}
	for _, tt := range []struct{ name, text, rule string }{
		{"aliases of aliases", deep.String(), "nesting-depth"},
		{"merges of merges", wide.String(), "alias-expansion"},
		{"flow", strings.Repeat("{a: ", 1000), "nesting-depth"},
		{"block", strings.Repeat("- ", 1000), "nesting-depth"},
	} {
		documents, findings := document.Parse(document.YAML, []byte(tt.text), document.Options{})
		if documents != nil || len(findings) != 1 || findings[0].Code != tt.rule {
			t.Errorf("%s: %v, want %s alone", tt.name, findings, tt.rule)
		}
	}
}

// TestKeysOfOtherTypes: 1 and "1" are two keys of YAML.
func TestKeysOfOtherTypes(t *testing.T) {
	t.Parallel()
	documents, findings := document.Parse(document.YAML, []byte("1: a\n\"1\": b\n[x]: c\n[y]: d\n"), document.Options{})
	if len(findings) > 0 || len(documents[0].Members) != 4 {
		t.Errorf("findings: %v", findings)
	}
}

func TestTemplatesMayBeMeant(t *testing.T) {
	t.Parallel()
	if _, findings := document.Parse(document.YAML, []byte("a: '{{ x }}'\nb: {{ y }}\n"), document.Options{Templates: true}); len(findings) > 0 {
		t.Errorf("findings: %v", findings)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	if _, findings := document.Parse(document.Dotenv, []byte(strings.Repeat("A=1\n", 5000)), document.Options{}); len(findings) != 1000 {
		t.Errorf("%d findings, want 1000", len(findings))
	}
}

// said returns all that findings say.
func said(findings []*diag.Error) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintln(&b, f, f.Code, f.Hint)
	}
	return b.String()
}

// TestTooManyValues: a file that takes a hundred times its size in memory is refused, and one that may be meant is not.
func TestTooManyValues(t *testing.T) {
	keys := func(count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, "k%d = 1\n", i)
		}
		return b.String()
	}
	for _, test := range []struct {
		name   string
		format document.Format
		text   string
		want   string // "" if it is read
	}{
		{"JSON", document.JSON, "[" + strings.Repeat("1,", 999_998) + "1]", ""},
		{"JSON, one more", document.JSON, "[" + strings.Repeat("1,", 1_000_000) + "1]", "1:2000002: the file has more than a million keys and values, too many to check"},
		{"TOML", document.TOML, "a = [" + strings.Repeat("1,", 200_001) + "1]", "1:1: the file has more than 200,000 commas: too many values to check"},
		{"TOML table", document.TOML, keys(10_000), ""},
		{"TOML table, one more", document.TOML, keys(10_001), "10001:11: a table has more than 10,000 keys, too many to check"},
		{"YAML", document.YAML, "[" + strings.Repeat("1,", 200_001) + "1]", "1:1: the file has more than 200,000 commas: too many values to check"},
		{"dotenv", document.Dotenv, strings.Repeat("A=1\n", 500_001), "the file has more than a million"},
	} {
		t.Run(test.name, func(t *testing.T) { // not in parallel: each takes 100 MiB
			documents, findings := document.Parse(test.format, []byte(test.text), document.Options{})
			if test.want == "" {
				if documents == nil || len(findings) > 0 {
					t.Errorf("findings: %v", findings)
				}
				return
			}
			if last := findings[len(findings)-1]; documents != nil || last.Code != "too-large" || !strings.Contains(last.Error(), test.want) {
				t.Errorf("got %v, want %s", last, test.want)
			}
		})
	}
}
