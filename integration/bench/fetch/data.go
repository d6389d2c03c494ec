package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A file is at the origin, and is to be downloaded.
type file struct {
	Name string
	Size int64
	Sum  string // SHA-256, in hexadecimal
	Blob string // what git calls the file; of one that is in LFS, its pointer
}

// makeFiles fills a directory with the files of a scenario, all of noise, and with a list of them.
func makeFiles(dir string, s scenario) ([]file, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	var files []file
	for i := range s.files + s.small {
		f := file{Name: fmt.Sprintf("%03d.bin", i), Size: s.size}
		if i >= s.files {
			f.Size = smallSize
		}
		if err := f.make(filepath.Join(dir, f.Name), byte(i)); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, writeCatalog(dir, files)
}

// make makes the file, and fills in its sums.
func (f *file) make(path string, seed byte) (err error) {
	if f.Sum, err = makeFile(path, f.Size, seed); err != nil {
		return err
	}
	blob := []byte("the pointer of " + f.Sum)
	if f.Size < lfsSize {
		if blob, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	f.Blob = gitBlob(blob)
	return nil
}

func makeFile(name string, size int64, seed byte) (sum string, err error) {
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	noise := rand.NewChaCha8([32]byte{seed})
	h := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(f, h), io.LimitReader(noise, size), make([]byte, mib)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Sync()
}

// isWhole tells whether a download has the bytes of the origin's file.
func isWhole(name, sum string) (bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, mib)); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == sum, nil
}

// sums is what sha256sum -c reads.
func sums(files []file) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", f.Sum, f.Name)
	}
	return b.Bytes()
}

func isMemory(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && s.Type == unix.TMPFS_MAGIC
}

// environ is the environment of a child: PATH, and nothing that could configure
// one of the tools.
func environ(more ...string) []string {
	path := os.Getenv("PATH") //nolint:forbidigo // the benchmark's own setting, not inith's
	return append([]string{"PATH=" + path, "LC_ALL=C"}, more...)
}

// tail returns the end of what a tool said.
func tail(f *os.File) string {
	const most = 400
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-most), io.SeekStart)
	}
	b, _ := io.ReadAll(f)
	return strings.TrimSpace(string(b))
}

const roleHash = "hash"

// hashFiles computes the SHA-256 of all files in a directory, as many at a time as there are cores.
func hashFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var all errgroup.Group
	all.SetLimit(runtime.NumCPU())
	for _, e := range entries {
		all.Go(func() error {
			_, err := isWhole(filepath.Join(dir, e.Name()), "")
			return err
		})
	}
	return all.Wait()
}
