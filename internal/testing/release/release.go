// Package release builds inith as `make build` does, for tests and benchmarks of the program itself.
package release

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Flags returns those of GOBUILD in the Makefile, without the version.
func Flags() []string {
	return []string{
		"-tags", "urfave_cli_no_docs", "-trimpath", "-buildvcs=false", "-gcflags=github.com/redis/...=-l", "-ldflags", "-s -w",
	}
}

// Build builds the program, static and stripped. The working directory is one of the repository.
func Build(ctx context.Context, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	//nolint:gosec // the file is the test's own
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, Flags(), []string{"-o", file, "./cmd/inith"})...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build inith: %w\n%s", err, out)
	}
	return nil
}

// moduleRoot returns the directory of inith's module, from a directory of it or of the modules in it.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Module.Dir}}", "github.com/inith/inith/internal/testing/release").Output()
	if err != nil {
		return "", fmt.Errorf("find the module of inith: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
