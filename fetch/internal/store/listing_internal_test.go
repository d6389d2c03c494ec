package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOwnerOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"model.bin.ABC.part": "model.bin", "model.bin.ABC.journal": "model.bin", "model.ABC.part": "model",
		"model.extract-123": "model", "model.extract-1.old": "model", "a.extract-b.extract-2": "a.extract-b",
		"a.extract-b.ABC.part": "a.extract-b", "model.bin.lock": "", "model.bin.receipt": "", ".part": "", "x.part": "", "": "",
	} {
		if got := ownerOf(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestListing has what this process adds at once, and what others do after a while.
func TestListing(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, err := openDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.close()
	put := func(name string) string {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	old := put("model.A.part")
	put("other.B.part")
	l := &listing{}
	if diff := cmp.Diff([]string{old}, l.of(dir, "model")); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	l.took = time.Hour // as if it were a large directory
	ours, others := put("model.C.part"), put("model.D.part")
	l.add(ours)
	l.add(ours)
	if diff := cmp.Diff([]string{old, ours}, l.of(dir, "model")); diff != "" {
		t.Errorf("not read again (-want +got):\n%s", diff)
	}
	l.took = 0
	got := l.of(dir, "model")
	slices.Sort(got)
	if diff := cmp.Diff([]string{old, ours, others}, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

// BenchmarkListing asks for each of so many files what is there of it.
func BenchmarkListing(b *testing.B) {
	for _, count := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			path := b.TempDir()
			for i := range count {
				if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("f%d.receipt", i)), nil, 0o600); err != nil {
					b.Fatal(err)
				}
			}
			dir, err := openDirectory(path)
			if err != nil {
				b.Fatal(err)
			}
			defer dir.close()
			l := &listing{}
			for b.Loop() {
				l.of(dir, "f1")
			}
		})
	}
}
