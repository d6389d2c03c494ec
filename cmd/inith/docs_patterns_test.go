package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/inith/inith/lint"
)

// TestPatternsAreClean has lint read the snippets of docs/patterns.md.
func TestPatternsAreClean(t *testing.T) {
	b, err := os.ReadFile("../../docs/patterns.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	containers := 0
	for _, block := range blocks {
		text := strings.Replace(block[1], "extraInitContainers:", "initContainers:", 1) // as a chart uses it
		r := lint.Linter{}.Lint(lint.File{Path: "docs/patterns.md", Data: []byte(text)})
		containers += r.Pods
		for _, f := range r.Findings {
			if f.Severity > lint.Info {
				t.Errorf("%s: %s\n%s", f.Rule, f.Message, text)
			}
		}
	}
	if len(blocks) != 4 || containers != 2 {
		t.Errorf("%d snippets, %d of them with a Pod", len(blocks), containers)
	}
}
