package document_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
)

// TestTrees compares each value of well-formed files, and its place, with golden
// files.
func TestTrees(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/good/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			documents, findings := document.Parse(document.FormatOf(name), data, document.Options{})
			if len(findings) > 0 {
				t.Errorf("findings: %v", findings)
			}
			var b strings.Builder
			for _, root := range documents {
				dump(&b, "", root)
			}
			golden(t, name+".golden", b.String())
		})
	}
}

func dump(b *strings.Builder, path string, n *document.Node) {
	kind := [...]string{"null", "bool", "int", "float", "string", "sequence", "mapping"}[n.Kind]
	fmt.Fprintf(b, "%s %s %s %q\n", n.Position(), path, kind, n.Text)
	for i, item := range n.Items {
		dump(b, fmt.Sprintf("%s[%d]", path, i), item)
	}
	for _, m := range n.Members {
		fmt.Fprintf(b, "%s %s key %q\n", m.Key.Position(), path, m.Key.Text)
		dump(b, path+"."+m.Key.Text, m.Value)
	}
}
