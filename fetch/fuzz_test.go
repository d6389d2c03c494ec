package fetch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inith/inith/fetch"
)

// FuzzParseDigest holds that what is parsed is what is printed.
func FuzzParseDigest(f *testing.F) {
	f.Add("sha256:" + strings.Repeat("0", 64))
	f.Add("SHA512:" + strings.Repeat("aF", 64))
	f.Add("blake3:" + strings.Repeat("1", 63))
	f.Fuzz(func(t *testing.T, s string) {
		d, err := fetch.ParseDigest(s)
		if (err == nil) == (d == fetch.Digest{}) {
			t.Fatalf("%q: %v, %v", s, d, err)
		}
		if err == nil && d.String() != strings.ToLower(s) {
			t.Fatalf("%q became %q", s, d)
		}
	})
}

// FuzzJournal puts any text in the place of the journal of an interrupted
// transfer, and holds that the result is right all the same.
func FuzzJournal(f *testing.F) {
	b := content(3<<20 + 7)
	o := newOrigin(f, b, nil)
	file := fetch.File{URL: parse(f, o.URL+"/model.bin"), Dest: filepath.Join(f.TempDir(), "model.bin")}
	interrupted(f, o, file)
	state := stateOf(file.Dest)
	journal := only(f, state+"/*.journal")
	text, err := os.ReadFile(journal)
	if err != nil {
		f.Fatal(err)
	}
	part, err := os.ReadFile(only(f, state+"/*.part"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(append(bytes.Clone(text), text...))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := file
		file.Dest = filepath.Join(memoryDir(t), "model.bin")
		state := stateOf(file.Dest)
		if err := os.MkdirAll(state, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{journal: text, strings.TrimSuffix(journal, ".journal") + ".part": part} {
			if err := os.WriteFile(filepath.Join(state, filepath.Base(name)), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
			t.Error("wrong bytes")
		}
	})
}

// memoryDir returns a directory on tmpfs where there is one: a fuzz target that
// waits for a disk tries a handful of inputs a minute.
func memoryDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "inith-fuzz-") //nolint:usetesting // on tmpfs
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
