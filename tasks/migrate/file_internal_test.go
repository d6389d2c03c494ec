package migrate

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFileReplacedBeforeItIsLocked has another process remove or replace the lock
// file between our open and our flock: its lock would be on another file.
func TestFileReplacedBeforeItIsLocked(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".new", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "lock")
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			l := &fileLocker{path: path, host: "us"}
			if lock, err := l.lock(t.Context(), f); err == nil {
				t.Errorf("locked a file that is no longer at its path: %v", lock)
			}
		})
	}
}
