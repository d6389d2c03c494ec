package modelsfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/cmd/inith/internal/modelsfile"
)

// TestMemory refuses a list before it is parsed, whatever its style is.
func TestMemory(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	for style, entry := range map[string]string{
		"block": "- url: https://host/shard-%d\n  to: models/%[1]d\n  sha256: %064[1]d\n",
		"flow":  "- {url: https://host/shard-%d, to: models/%[1]d, sha256: \"%064[1]d\"}\n",
	} {
		var list strings.Builder
		for i := range 20000 {
			_, _ = fmt.Fprintf(&list, entry, i)
		}
		name := filepath.Join(t.TempDir(), "models.yaml")
		if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := modelsfile.Read("--file", name, nil, 64*mebibyte)
		if err == nil || !strings.Contains(err.Error(), " MiB of memory, the limit is 64 MiB") || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s, 64 MiB: %v", style, err)
		}
		for _, limit := range []int64{0, 128 * mebibyte} {
			if files, err := modelsfile.Read("--file", name, nil, limit); err != nil || len(files) != 20000 {
				t.Errorf("%s, %d bytes: %d files, %v", style, limit, len(files), err)
			}
		}
	}
	nodes := strings.Repeat("[", 1000) + strings.Repeat(",", 100000)
	name := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(name, []byte(nodes), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := modelsfile.Read("--file", name, nil, 64*mebibyte); err == nil || !strings.Contains(err.Error(), "the limit is 64 MiB") {
		t.Errorf("100,000 values in a line: %v", err)
	}
}
