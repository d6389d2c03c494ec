package environment_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/cmd/inith/internal/environment"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	v := environment.Variables{"A=1", "EMPTY=", "A=2", "B=x=y"}
	for name, want := range map[string]string{"A": "2", "B": "x=y", "EMPTY": "", "NONE": ""} {
		got, set := v.Lookup(name)
		if got != want || set != (want != "") {
			t.Errorf("%s: got %q, %v", name, got, set)
		}
	}
	if _, set := v.Get("EMPTY"); !set {
		t.Error("Get: an empty variable is unset")
	}
}

// TestSecret holds errors to quote neither the variable's value nor the file's path.
func TestSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, empty := filepath.Join(dir, "S3cret-path"), filepath.Join(dir, "S3cret-empty")
	write(t, file, " from-file\n")
	write(t, empty, "\n")
	v := environment.Variables{"A= value ", "F_FILE=" + file, "E_FILE=" + empty, "M_FILE=/S3cret/missing", "BOTH=v", "BOTH_FILE=" + file}
	for name, want := range map[string]string{"A": "value", "F": "from-file", "BOTH": "v"} {
		got, err := v.Secret(name)
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"E": "$E_FILE names an empty file", "M": "$M_FILE names a file that cannot be read: no such file or directory",
		"NONE": "neither $NONE nor $NONE_FILE is set", "postgres://u:S3cret@h/": "want the name of an environment variable, not its value",
	} {
		_, err := v.Secret(name)
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "S3cret") {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	err := os.WriteFile(name, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
}

func TestIsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"A": true, "_a9": true, "9A": false, "": false, "A-B": false, "A=B": false, "é": false} {
		if environment.IsName(name) != want {
			t.Errorf("IsName(%q) is not %v", name, want)
		}
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	got := environment.Variables{"A=1", "B=2", "A=3"}.With([]string{"A=4", "C=5"})
	if want := (environment.Variables{"B=2", "A=4", "C=5"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
