package document_test

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/inith/inith/internal/document"
)

// TestMemory refuses what would need too much memory, before it is parsed.
func TestMemory(t *testing.T) { //nolint:paralleltest // it sets the memory limit of the process
	var dotted, tables, wide strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&dotted, "a%d.b%d.c = 1\n", i%100, i)
		fmt.Fprintf(&tables, "[[t]]\nk = %d\n", i)
		if i < 50_000 {
			fmt.Fprintf(&wide, "k%d: 1\n", i)
		}
	}
	for name, text := range map[string]string{"dotted": dotted.String(), "tables": tables.String()} {
		if got := refusal(document.TOML, text); !strings.Contains(got, "MiB of memory to check, the limit is 140 MiB") {
			t.Errorf("%s: got %s", name, got)
		}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(16 << 20))
	list := strings.Repeat("1,\n", 300_000)
	for format, text := range map[document.Format]string{
		document.YAML: wide.String(), document.JSON: "[" + list + "1]", document.TOML: strings.Repeat("[[t]]\nk = 1\n", 20_000),
	} {
		if got := refusal(format, text); !strings.Contains(got, "MiB of memory to check, the limit is 16 MiB") {
			t.Errorf("%s: got %s", format, got)
		}
	}
}

// refusal returns why a file is too large.
func refusal(format document.Format, text string) string {
	documents, findings := document.Parse(format, []byte(text), document.Options{})
	if documents != nil || len(findings) != 1 || findings[0].Code != "too-large" {
		return fmt.Sprintf("%d findings", len(findings))
	}
	return findings[0].Message
}
