package document_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

var update = flag.Bool("update", false, "write the golden files")

// options are those that a golden file is read with.
func optionsOf(name string) document.Options {
	return document.Options{YAML11: strings.HasPrefix(filepath.Base(name), "yaml-1.1-")}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, name := range badFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			documents, findings := document.Parse(document.FormatOf(name), data, optionsOf(name))
			golden(t, name+".golden", describe(documents, findings))
		})
	}
}

// describe writes findings as lines.
func describe(documents []*document.Node, findings []*diag.Error) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%d:%d: %s: %s", f.Line, f.Column, f.Code, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(&b, " (%s)", f.Hint)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "parsed: %t\n", documents != nil)
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func badFiles(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/bad/*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range all {
		if !strings.HasSuffix(name, ".golden") {
			names = append(names, name)
		}
	}
	return names
}

func TestEachRuleHasABadFile(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, name := range badFiles(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, findings := document.Parse(document.FormatOf(name), data, optionsOf(name))
		for _, f := range findings {
			found[f.Code] = true
		}
	}
	found["too-large"] = true // by TestTooManyValues: a file of a million values is made, not kept
	for _, rule := range document.Rules() {
		if !found[rule.Name] {
			t.Errorf("no file in testdata/bad breaks %s", rule.Name)
		}
		delete(found, rule.Name)
	}
	for rule := range found {
		t.Errorf("%s is not in Rules", rule)
	}
}
