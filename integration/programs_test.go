package integration_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builds has a function for each server of this module, which builds it once for a run.
var builds sync.Map

// program returns the path of a server that is a directory of this module.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(binary), name)
	build, _ := builds.LoadOrStore(name, sync.OnceValue(func() error {
		cmd := exec.Command("go", "build", "-o", path, "./"+name)
		cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		return nil
	}))
	if err := build.(func() error)(); err != nil { //nolint:forcetypeassert // stored above
		t.Fatal(err)
	}
	return path
}
