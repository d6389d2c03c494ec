package fetch_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
)

// TestFileWithoutReflinks copies files of this machine where the file system cannot share their bytes. TestFetchReflink in
// integration/ has file systems that can.
func TestFileWithoutReflinks(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir := mounted(t, "tmpfs", "size=64m")
	for _, size := range []int64{0, 1, 65536, 1<<20 + 1, 10<<20 + 4097} {
		name := strconv.FormatInt(size, 10)
		path, content := filepath.Join(dir, name), make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{}).Read(content)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		f := &fetch.Fetcher{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		file := fetch.File{URL: parse(t, "file://"+path), Dest: filepath.Join(dir, "copies", name)}
		result, err := run(t, f, file)
		if err != nil || result.Fetched != size || strings.Contains(log.String(), "reflink") {
			t.Errorf("%d bytes: %+v, %v; log:\n%s", size, result, err, &log)
		}
		if got, err := os.ReadFile(file.Dest); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: WRONG BYTES, %v", size, err)
		}
		if err := tidy(filepath.Dir(file.Dest), true); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
