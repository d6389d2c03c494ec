package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/inith/inith/internal/testing/release"
)

// What the binary may weigh, in bytes: see section "Dependencies" of
// CONTRIBUTING.md.
const (
	maxBinary = 29_250_000
	maxInit   = 1_500_000 // heap that package initialization allocates
)

func TestBinaryIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "inith")
	if err := release.Build(t.Context(), binary); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("the binary (%s/%s) is %d bytes, want at most %d", runtime.GOOS, runtime.GOARCH, info.Size(), maxBinary)
	}
	run := exec.Command(binary, "version")
	run.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sum := 0
	lines := regexp.MustCompile(`(?m)^init \S+ .* (\d+) bytes`).FindAllStringSubmatch(string(out), -1)
	for _, line := range lines {
		n, err := strconv.Atoi(line[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if len(lines) == 0 || sum > maxInit {
		t.Errorf("package initialization allocates %d bytes in %d packages, want at most %d", sum, len(lines), maxInit)
	}
}
