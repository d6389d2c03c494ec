package excerpt

import (
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
)

// TestExcerptLines goes through the bounds of what an excerpt shows. Each case fails without the line that it names.
func TestExcerptLines(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("k", maxKey)
	for _, test := range []struct {
		name, text string
		format     document.Format
		broken     bool // not parsed
		line       int
		want       string
	}{
		{"key as long as it may be", longest + ": Q\n", document.YAML, false, 1, "1 | " + longest + ": …\n  | ^"},
		{"key too long", "a: Q\n" + longest + "k: Q\n", document.YAML, false, 1, "1 | a: …\n  | ^\n2 | …: …"},
		{"key as long as it may be, in a broken file", longest + ": Q\n", document.YAML, true, 1, "1 | " + longest + ": …\n  | ^"},
		{"key too long, in a broken file", "a: Q\n" + longest + "k: Q\n", document.YAML, true, 1, "1 | a: …\n  | ^\n2 | …"},
		{"closing quote of a key", `{"ab": "Q"}`, document.JSON, false, 1, "1 | {\"ab\": …\n  | ^"},
		{"closing quote of a value", "a: [\"Q\nQ\", \"Q\nQ: Z\"]\nb: Q\n", document.YAML, true, 4, "3 | …\n4 | b: …\n  | ^"},
		{"closing quote that ends the value", "  a: \"Q\nQ\"\n Q: Z\nb: Q\n", document.YAML, true, 4, "3 |  …\n4 | b: …\n  | ^"},
		{"closing quote in the same line", "a: \"Q\"\nb: 'Q'\nc: Q\n", document.YAML, true, 2, "1 | a: …\n2 | b: …\n  | ^\n3 | c: …"},
		{"escaped quote", "a: \"Q\\\"\nQ: Z\"\nb: Q\n", document.YAML, true, 2, "1 | a: …\n2 | …\n  | ^\n3 | b: …"},
		{"escaped quote in a line that continues", "a: \"Q\n Q \\\" Q\nQ: Z\"\nb: Q\n", document.YAML, true, 3, "2 |  …\n3 | …\n  | ^\n4 | b: …"},
		{"doubled quote in a line that continues", "a: 'Q\n Q''Q\nQ: Z'\nb: Q\n", document.YAML, true, 3, "2 |  …\n3 | …\n  | ^\n4 | b: …"},
		{"block scalar below its key", "a:\n  |\n  Q: Z\nb: Q\n", document.YAML, true, 3, "2 |   …\n3 |   …\n  | ^\n4 | b: …"},
		{"block scalar with a tag below its key", "a:\n  # Q\n  !!str &x >-\n Q: Z\nb: Q\n", document.YAML, true, 4, "3 |   …\n4 |  …\n  | ^\n5 | b: …"},
		{"block scalar below the key of a list", "- a:\n    |\n    Q: Z\n- b: Q\n", document.YAML, true, 3, "2 |     …\n3 |     …\n  | ^\n4 | - b: …"},
		{"block scalar as a document", "a: Q\n--- |\nQ: Z\n---\nb: Q\n", document.YAML, true, 4, "3 | …\n4 | …\n  | ^\n5 | b: …"},
		{"block scalar as the first document", "|\nQ: Z\n---\nb: Q\n", document.YAML, true, 3, "2 | …\n3 | …\n  | ^\n4 | b: …"},
		{"value below its key", "a:\n  Q Z\n  Q: Z\nb: Q\n", document.YAML, true, 3, "2 |   …\n3 |   …\n  | ^\n4 | b: …"},
		{"list below its key", "a:\n  - Q\n  - b: Q\n", document.YAML, true, 3, "2 |   …\n3 |   - b: …\n  | ^"},
		{"longest line", "a: " + strings.Repeat("Q", maxLine-3) + "\n", document.YAML, false, 1, "1 | a: …\n  | ^"},
		{"line too long", "a: Q\nb: " + strings.Repeat("Q", maxLine-2) + "\n", document.YAML, false, 1, "1 | a: …\n  | ^\n2 | …"},
		{"triple quotes", "a = 1\nb = \"\"\"\"Q\nQ = \"\"\"\nc = \"\n", document.TOML, true, 1, "1 | a = …\n  | ^\n2 | …"},
		{"triple quotes, then a line of the value", "a = 1\nb = \"\"\"\"Q\nQ = Z\n\"\"\"\nc = \"\n", document.TOML, true, 2, "1 | a = …\n2 | …\n  | ^\n3 | …"},
		{"triple single quotes", "a = 1\nb = ''''Q\nQ = Z\n'''\nc = '\n", document.TOML, true, 2, "1 | a = …\n2 | …\n  | ^\n3 | …"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var documents []*document.Node
			if !test.broken {
				documents, _ = document.Parse(test.format, []byte(test.text), document.Options{})
			}
			got := strings.Join(New(test.format, []byte(test.text), documents, Filter{}).Around(test.line, 1), "\n")
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
