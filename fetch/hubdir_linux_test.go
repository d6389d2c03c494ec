package fetch_test

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
)

// TestDirectoryReadOnly finds an intact directory on a volume that nobody can write to: with the record, and without
// one, as another user has none.
func TestDirectoryReadOnly(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir := mounted(t, "tmpfs", "size=64m")
	s, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(dir, "m"), WriteSums: true}
	if _, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil {
		t.Fatal(err)
	}
	for _, recorded := range []bool{true, false} {
		if !recorded {
			if err := os.RemoveAll(filepath.Join(dir, ".inith")); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		before := len(s.Requests("/resolve/"))
		result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
		if n := len(s.Requests("/resolve/")) - before; err != nil || !result.Skipped || n != 0 {
			t.Errorf("with a record %t: %+v, %v, %d files asked for", recorded, result, err, n)
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(file.Dest, "z.txt")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
	if err == nil || !strings.Contains(err.Error(), "the file system is read-only") || result.Retries > 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestDirectoryFullVolume shows before the first byte.
func TestDirectoryFullVolume(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir := mounted(t, "tmpfs", "size=8m")
	s, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(dir, "m")}
	_, err := run(t, &fetch.Fetcher{Hub: hub}, file)
	if err == nil || !strings.Contains(err.Error(), "needs 12.0 MiB, and there are 8.0 MiB free on the volume") || len(s.Requests("/resolve/")) > 0 {
		t.Errorf("%v; requests %q", err, s.Requests("/resolve/"))
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}

// TestDirectoryMountPoint works in the root of a volume, which no directory can replace.
func TestDirectoryMountPoint(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir := mounted(t, "tmpfs", "size=64m")
	s, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: dir + "/"}
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil {
		t.Fatal(err)
	}
	want := hubRepository().Files
	want["mine"] = []byte("mine")
	wantFiles(t, dir, want)
	next := hubRepository()
	next.Commit, next.Files["z.txt"] = strings.Repeat("e", 40), []byte("Z")
	s.Change(next)
	if result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil || result.Fetched != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	want["z.txt"] = []byte("Z")
	wantFiles(t, dir, want)
	before := len(s.Requests(""))
	if result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil || !result.Skipped || len(s.Requests(""))-before != 1 {
		t.Errorf("again: %+v, %v, requests %q", result, err, s.Requests("")[before:])
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".inith", "*")); len(left) != 1 {
		t.Errorf("the state has %q", left)
	}
}

// TestDirectoryMode keeps the mode of a directory that is replaced.
func TestDirectoryMode(t *testing.T) {
	t.Parallel()
	_, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), Mode: 0o640}
	if err := os.Mkdir(file.Dest, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": os.ModeDir | 0o750, "z.txt": 0o640, "onnx/model.bin": 0o640} {
		if stat, err := os.Stat(filepath.Join(file.Dest, name)); err != nil || stat.Mode() != want {
			t.Errorf("%q: %v, %v; want %v", name, stat.Mode(), err, want)
		}
	}
}

// TestDirectoryLinks writes through no link in the directory, and replaces none silently.
func TestDirectoryLinks(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		s, hub := startHub(t, hubRepository())
		dir := t.TempDir()
		outside := filepath.Join(dir, "outside")
		file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(dir, "m"), InPlace: inPlace}
		for _, name := range []string{outside, file.Dest} {
			if err := os.Mkdir(name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(outside, filepath.Join(file.Dest, "onnx")); err != nil {
			t.Fatal(err)
		}
		_, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err == nil || !strings.Contains(err.Error(), `"onnx" in the directory is in the way of a file`) || len(s.Requests("/resolve/")) > 0 {
			t.Errorf("in place %t: %v", inPlace, err)
		}
		file.Delete = true
		if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
			t.Errorf("in place %t, delete: %v", inPlace, err)
		}
		wantFiles(t, file.Dest, hubRepository().Files)
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Errorf("in place %t: written through the link: %v", inPlace, left)
		}
	}
}

// TestForgedStage has others write to the stage: what they leave there is not published.
func TestForgedStage(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubRepository())
	var stop atomic.Bool
	stop.Store(true)
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !stop.Load() || !strings.HasSuffix(r.URL.Path, "/z.txt") {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m")}
	if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err == nil {
		t.Fatal("no error")
	}
	root := filepath.Join(filepath.Dir(file.Dest), ".inith", strconv.Itoa(os.Geteuid()), "m.stage", "root")
	for name, text := range map[string]string{"config.json": `{"a": 9}`, "forged": "x"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(false)
	if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, file.Dest, hubRepository().Files)
}

// TestKeptFileChanges has an application write to a file that was intact, while another one is fetched: the run does
// not take what is there then for verified. The next run does.
func TestKeptFileChanges(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		s, hub := startHub(t, hubRepository())
		file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), InPlace: inPlace}
		if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
			t.Fatal(err)
		}
		next := hubRepository()
		next.Commit, next.Files["z.txt"] = strings.Repeat("d", 40), []byte("Z")
		s.Change(next)
		var once atomic.Bool
		s.Fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/z.txt") && !once.Swap(true) {
				if err := os.WriteFile(filepath.Join(file.Dest, "config.json"), []byte(`{"a": 9}`), 0o644); err != nil {
					t.Error(err)
				}
			}
			return false
		}
		_, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err == nil || !strings.Contains(err.Error(), `"config.json" was intact, and changed while others were fetched`) {
			t.Errorf("in place %t: %v", inPlace, err)
		}
		if _, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil {
			t.Errorf("in place %t: %v", inPlace, err)
		}
		wantFiles(t, file.Dest, next.Files)
	}
}

// TestDirectoryOfAnotherUser finds it intact, without a record of its own and without permission to write: the process
// of another user has fetched it.
func TestDirectoryOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	if os.Getenv("INITH_TEST_CHILD") == "" { // the parent has what it fetched in a directory that all can read
		child(t, nil)
		return
	}
	s, hub := startHub(t, hubRepository())
	dir := t.TempDir()
	t.Cleanup(func() { _ = syscall.Seteuid(0) })
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(dir, "m")}
	if _, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil {
		t.Fatal(err)
	}
	before := len(s.Requests("/resolve/"))
	const nobody = 65534
	if err := cmp.Or(os.Chmod(filepath.Dir(dir), 0o755), syscall.Seteuid(nobody)); err != nil { // of all threads
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(file.Dest, "x"), nil, 0o600); err == nil {
		t.Fatal("the other user can write there")
	}
	result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
	if n := len(s.Requests("/resolve/")) - before; err != nil || !result.Skipped || n != 0 {
		t.Errorf("%+v, %v, %d files asked for", result, err, n)
	}
}
