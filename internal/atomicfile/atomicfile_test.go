package atomicfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/atomicfile"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, dest := filepath.Join(dir, "target"), filepath.Join(dir, strings.Repeat("n", 255))
	write(t, target, "old")
	if err := os.Symlink(target, dest); err != nil {
		t.Fatal(err)
	}
	f, err := atomicfile.Create(dest, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dest); err != nil || string(b) != "old" {
		t.Errorf("before the end: %q, %v", b, err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(dest)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v: want a file in the place of the link, with mode 0600", info.Mode(), err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "old" {
		t.Errorf("what the link pointed to is %q, %v", b, err)
	}
	wantNames(t, dir, filepath.Base(dest), "target")
}

func TestFailedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dest := filepath.Join(dir, "folder")
	if err := os.Mkdir(dest, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := atomicfile.Create(dest, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil {
		t.Fatal("a folder was replaced by a file")
	}
	wantNames(t, dir, "folder")
}

// TestDeadFilesAreRemoved: what a killed process has left goes with the next
// file, what may be of one that lives stays.
func TestDeadFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dest := filepath.Join(dir, "app.yaml")
	left, err := atomicfile.Create(dest, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "app.yaml.backup")
	write(t, other, "x")
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{left.Name(), other} {
		if err := os.Chtimes(name, long, long); err != nil {
			t.Fatal(err)
		}
	}
	alive, err := atomicfile.Create(dest, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, filepath.Base(alive.Name()), "app.yaml.backup")
	alive.Discard()
	wantNames(t, dir, "app.yaml.backup")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
