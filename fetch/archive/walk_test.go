package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inith/inith/fetch/archive"
)

// walk returns the names and contents of an archive's entries.
func walk(t *testing.T, b []byte, limits archive.Limits) (names []string, err error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	err = archive.Walk(t.Context(), f, limits, func(h *tar.Header, content io.Reader) error {
		if h.Name == "skipped" {
			names = append(names, h.Name)
			return nil
		}
		b, err := io.ReadAll(content)
		names = append(names, h.Name+"="+string(b))
		return err
	})
	return names, err
}

// TestWalk visits the entries of an archive in their order, whatever their names are, and ends at a limit or at damage.
func TestWalk(t *testing.T) {
	t.Parallel()
	files := []tar.Header{{Name: "/abs/../x"}, {Name: "skipped"}, {Name: "a"}}
	b := tarOfNames(t, files)
	want := []string{"/abs/../x=1", "skipped", "a=1"}
	if got, err := walk(t, b, archive.Limits{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := walk(t, b, archive.Limits{Entries: 2}); !errors.Is(err, archive.ErrLimit) || !slices.Equal(got, want[:2]) {
		t.Errorf("two entries: %q, %v", got, err)
	}
	if _, err := walk(t, b, archive.Limits{Bytes: 2}); !errors.Is(err, archive.ErrLimit) {
		t.Errorf("two bytes: %v", err)
	}
	for _, n := range []int{1, 512, 600, 1500, len(b) - 1024} {
		if _, err := walk(t, b[:n], archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if _, err := walk(t, []byte("PK\x03\x04"), archive.Limits{}); !errors.Is(err, archive.ErrFormat) {
		t.Errorf("a zip: %v", err)
	}
}

// tarOfNames returns a tar of files with one byte.
func tarOfNames(t *testing.T, headers []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range headers {
		headers[i].Size, headers[i].Mode = 1, 0o600
		err := w.WriteHeader(&headers[i])
		_, writeErr := w.Write([]byte("1"))
		if err := errors.Join(err, writeErr); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
