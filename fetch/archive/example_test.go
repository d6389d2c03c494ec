package archive_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/inith/inith/fetch/archive"
)

// Extract an archive of somebody who need not be trusted.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"README", "../escape"} {
		f, err := os.CreateTemp(dir, "*.tar")
		if err != nil {
			fmt.Println(err)
			return
		}
		w := tar.NewWriter(f)
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 5})
		_, _ = w.Write([]byte("hello"))
		_ = w.Close()
		empty, err := os.MkdirTemp(dir, "extracted-")
		if err != nil {
			fmt.Println(err)
			return
		}
		root, err := os.OpenRoot(empty)
		if err != nil {
			fmt.Println(err)
			return
		}
		summary, err := archive.Extract(context.Background(), f, f.Name(), root, archive.Limits{Entries: 10})
		_ = root.Close()
		_ = f.Close()
		if refused, ok := errors.AsType[*archive.EntryError](err); ok {
			fmt.Println("refused:", refused.Entry)
			continue
		}
		fmt.Println(summary.Format, summary.Entries, summary.Bytes, err)
	}
	// Output:
	// tar 1 5 <nil>
	// refused: ../escape
}
