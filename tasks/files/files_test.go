package files_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/files"
)

// in runs actions in a new directory with some files, and returns what exists then:
// modes and texts, by path.
func in(t *testing.T, actions ...files.Action) (map[string]string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for path, text := range map[string]string{"src/a": "A", "src/sub/b": "B", "tool": "#!"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", "src/link"); err != nil {
		t.Fatal(err)
	}
	err := files.Run(t.Context(), actions)
	if err == nil {
		err = files.Run(t.Context(), actions) // it is safe to repeat
	}
	return tree(t), err
}

func tree(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." || strings.HasPrefix(path, "src") || path == "tool" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String()
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			all[path] += " " + string(b)
			return err
		}
		if target, err := os.Readlink(path); err == nil {
			all[path] = "-> " + target
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRun(t *testing.T) { // not in parallel: it changes the directory
	for name, tt := range map[string]struct {
		actions []files.Action
		want    map[string]string
	}{
		"mkdir": {[]files.Action{{Mkdir: "x/y", Mode: 0o700}}, map[string]string{"x": "drwxr-xr-x", "x/y": "drwx------"}},
		"file":  {[]files.Action{{Copy: "tool", To: "bin/tool", Mode: 0o555}}, map[string]string{"bin": "drwxr-xr-x", "bin/tool": "-r-xr-xr-x #!"}},
		"slash": {[]files.Action{{Copy: "tool", To: "bin/"}}, map[string]string{"bin": "drwxr-xr-x", "bin/tool": "-rw-r----- #!"}},
		"into an existing directory": {
			[]files.Action{{Mkdir: "bin"}, {Copy: "tool", To: "bin"}, {Chmod: "bin/tool", Mode: 0o700}},
			map[string]string{"bin": "drwxr-xr-x", "bin/tool": "-rwx------ #!"},
		},
		"directory": {
			[]files.Action{{Copy: "src", To: "dst"}},
			map[string]string{"dst": "drwxr-xr-x", "dst/a": "-rw-r----- A", "dst/link": "-> a", "dst/sub": "drwxr-xr-x", "dst/sub/b": "-rw-r----- B"},
		},
		"over another": {
			[]files.Action{{Copy: "tool", To: "dst/a"}, {Copy: "tool", To: "dst/c"}, {Copy: "src/", To: "dst"}},
			map[string]string{"dst": "drwxr-xr-x", "dst/a": "-rw-r----- A", "dst/c": "-rw-r----- #!", "dst/link": "-> a", "dst/sub": "drwxr-xr-x", "dst/sub/b": "-rw-r----- B"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := in(t, tt.actions...)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestIntoItself copies a directory into one that is in it.
func TestIntoItself(t *testing.T) {
	if _, err := in(t, files.Action{Copy: "src", To: "src/copy"}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("src/copy/copy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is in itself: %v", err)
	}
	if b, err := os.ReadFile("src/copy/sub/b"); err != nil || string(b) != "B" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestErrors(t *testing.T) {
	for want, actions := range map[string][]files.Action{
		"copy nowhere to x: no such file or directory":          {{Copy: "nowhere", To: "x"}},
		"mkdir tool/x: not a directory":                         {{Mkdir: "tool/x"}},
		"chmod nowhere: no such file or directory":              {{Chmod: "nowhere", Mode: 0o600}},
		"copy tool to /proc/nowhere: no such file or directory": {{Copy: "tool", To: "/proc/nowhere"}},
	} {
		_, err := in(t, actions...)
		if e, ok := errors.AsType[*usererr.Error](err); !ok || e.Text != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestCancelled leaves nothing that is not whole.
func TestCancelled(t *testing.T) {
	_, _ = in(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("signal")
	cancel(cause)
	if err := files.Run(ctx, []files.Action{{Copy: "tool", To: "x"}}); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if got := tree(t); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}
