package source_test

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inith/inith/fetch/source"
)

func fileURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// TestLocalDirectory finds the regular files of a directory, and those that links in it lead to; links to directories are not
// followed, as each file is found by its own name.
func TestLocalDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700), os.WriteFile(filepath.Join(dir, "a", "b", "c"), []byte("c"), 0o600),
		os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600), os.Symlink("a/b/c", filepath.Join(dir, "link")),
		os.Symlink("..", filepath.Join(dir, "a", "up")), os.Symlink("b", filepath.Join(dir, "a", "again")), os.Mkdir(filepath.Join(dir, "none"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range []string{fileURL(dir), fileURL(dir + "/"), "file://localhost" + dir} {
		objects, err := resolveAll(t, &source.Network{}, raw)
		if got, want := names(objects), []string{"a/b/c", "empty", "link"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", raw, got, err, want)
		}
		for _, o := range objects {
			part, err := o.Source.Open(t.Context(), 0, source.ToEnd, o.Validator)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(part.Body)
			_ = part.Body.Close()
			if err != nil || int64(len(b)) != o.Size {
				t.Errorf("%s: %q, %v", o.Source.Name(), b, err)
			}
		}
	}
}

// TestLocalRefused refuses what is no file, and does not wait for it; nor is a link followed out of a directory.
func TestLocalRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"a pipe":             {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is not a regular file"},
		"a link out":         {func(path string) error { return os.Symlink("/etc/hostname", path) }, "is a link out of the directory"},
		"a link up":          {func(path string) error { return os.Symlink("../../../etc/hostname", path) }, "is a link out of the directory"},
		"a link to nothing":  {func(path string) error { return os.Symlink("nothing", path) }, "cannot be read"},
		"a link to a device": {func(path string) error { return os.Symlink("/dev/zero", path) }, "is a link out of the directory"},
	} {
		dir := t.TempDir()
		if err := c.put(filepath.Join(dir, "x")); err != nil {
			t.Fatal(err)
		}
		if objects, err := resolveAll(t, &source.Network{}, fileURL(dir)); err == nil || !strings.Contains(err.Error(), c.want) || !source.IsPermanent(err) {
			t.Errorf("%s: %q, %v", name, names(objects), err)
		}
		if name != "a pipe" {
			continue
		}
		objects, err := resolveAll(t, &source.Network{}, fileURL(filepath.Join(dir, "x")))
		if err == nil {
			_, err = objects[0].Source.Open(t.Context(), 0, source.ToEnd, "")
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s itself: %v", name, err)
		}
	}
}

// TestLocalChanged reports a change while a file is read, and between two reads.
func TestLocalChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	now := time.Now()
	write := func(text string) {
		now = now.Add(time.Second) // kernels count in ticks, which two writes may share
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, now, now)); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	objects, err := resolveAll(t, &source.Network{}, fileURL(path))
	if err != nil {
		t.Fatal(err)
	}
	part, err := objects[0].Source.Open(t.Context(), 0, source.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = part.Body.Close() }()
	b := make([]byte, 3)
	if _, err := part.Body.Read(b); err != nil {
		t.Fatal(err)
	}
	write("after!")
	if _, err := part.Body.Read(b); !errors.Is(err, source.ErrChanged) {
		t.Errorf("in the middle: %v", err)
	}
	if _, err := objects[0].Source.Open(t.Context(), 0, source.ToEnd, part.Validator); !errors.Is(err, source.ErrChanged) {
		t.Errorf("between: %v", err)
	}
}
