package release_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/inith/inith/internal/testing/release"
)

// TestFlags compares the flags with those of the Makefile.
func TestFlags(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^GOBUILD += CGO_ENABLED=0 \$\(GO\) build (.*) -X main.version=\$\(VERSION\)'$`).FindSubmatch(b)
	if line == nil {
		t.Fatal("the Makefile has no GOBUILD")
	}
	made, ours := strings.ReplaceAll(string(line[1]), "'", ""), strings.Join(release.Flags(), " ")
	if made != ours {
		t.Errorf("the Makefile has %s, tests have %s", made, ours)
	}
}
