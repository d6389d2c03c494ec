package fetch_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/hubserver"
)

// filesIn returns the files of a directory, without what inith keeps there.
func filesIn(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".inith":
			return fs.SkipDir
		case d.Type().IsRegular():
			b, err := os.ReadFile(name)
			rel, _ := filepath.Rel(dir, name)
			all[filepath.ToSlash(rel)] = b
			return err
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func wantFiles(tb testing.TB, dir string, want map[string][]byte) {
	tb.Helper()
	got := filesIn(tb, dir)
	if !maps.EqualFunc(got, want, bytes.Equal) {
		tb.Errorf("%s: got %q, want %q", dir, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// below returns the files of a directory in a repository.
func below(files map[string][]byte, dir string) map[string][]byte {
	all := map[string][]byte{}
	for name, b := range files {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			all[rest] = b
		}
	}
	return all
}

// TestHubRepository fetches all files, by each form of the URL, from a listing in pages, and again.
func TestHubRepository(t *testing.T) {
	t.Parallel()
	files := hubRepository().Files
	for source, want := range map[string]struct {
		files map[string][]byte
		again int // requests of a second run
	}{
		"hf://org/model":                         {files, 1},
		"hf://org/model/":                        {files, 1},
		"hf://org/model:main":                    {files, 1},
		"hf://org/model@refs/pr/1/":              {files, 1},
		"hf://org/model@" + hubCommit:            {files, 0},
		"hf://org/model@" + hubCommit + "/onnx/": {below(files, "onnx/"), 0},
		"hf://org/model/onnx/":                   {below(files, "onnx/"), 1},
		"hf://org/model/onnx":                    {below(files, "onnx/"), 1},
	} {
		s, hub := startHub(t, hubRepository())
		s.PageSize = 2
		file := fetch.File{URL: parse(t, source), Dest: filepath.Join(t.TempDir(), "new", "model"), Evidence: fetch.EvidenceServer}
		result, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		wantFiles(t, file.Dest, want.files)
		if result.Files != len(want.files) || result.Commit != hubCommit || result.Path != file.Dest || result.Skipped || result.Evidence != fetch.EvidenceServer {
			t.Errorf("%s: %+v", source, result)
		}
		if n := len(s.Requests("/revision/")); n != want.again {
			t.Errorf("%s: %d requests for the commit", source, n)
		}
		s, hub = startHub(t, hubRepository()) // the other one may get to know later what a worker has asked in vain
		again, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if err != nil || !again.Skipped || again.Files != len(want.files) || again.Size != result.Size || again.Evidence != fetch.EvidenceServer {
			t.Errorf("%s, again: %+v, %v", source, again, err)
		}
		if all := s.Requests(""); len(all) != want.again {
			t.Errorf("%s, again: requests %q", source, all)
		}
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(file.Dest), ".inith", "*", "*"))
		if len(left) != 1 || !strings.HasSuffix(left[0], "/model.record") {
			t.Errorf("%s: the state has %q", source, left)
		}
	}
}

// TestHubSpace has paths of its own.
func TestHubSpace(t *testing.T) {
	t.Parallel()
	r := hubserver.Repository{Name: "spaces/org/app", Commit: hubCommit, LFS: 10, Files: map[string][]byte{"a/x.py": content(2000)}}
	_, hub := startHub(t, r)
	dest := filepath.Join(t.TempDir(), "x")
	_, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://spaces/org/app"), Dest: dest})
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dest, r.Files)
}

// TestHubSelection fetches what matches, and says what there is where nothing does.
func TestHubSelection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		include, exclude []string
		want             []string
		err              string
	}{
		{[]string{"*.bin"}, nil, []string{"onnx/model.bin"}, ""},
		{[]string{"onnx/"}, []string{"*.bin"}, []string{"onnx/a b%20ü#?.txt"}, ""},
		{nil, []string{"onnx/*", "z*"}, []string{"config.json", "empty"}, ""},
		{[]string{"*.gguf"}, nil, nil, `none of its 5 files is selected: it has "config.json", "empty", "onnx/a b%20ü#?.txt", "onnx/model.bin", …`},
		{nil, []string{"*"}, nil, "none of its 5 files is selected"},
	} {
		s, hub := startHub(t, hubRepository())
		file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), Include: c.include, Exclude: c.exclude}
		_, err := run(t, &fetch.Fetcher{Hub: hub}, file)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || len(s.Requests("/resolve/")) > 0 {
				t.Errorf("%q %q: %v, want %s", c.include, c.exclude, err, c.err)
			}
			continue
		}
		if got := slices.Sorted(maps.Keys(filesIn(t, file.Dest))); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q %q: %q, want %q (%v)", c.include, c.exclude, got, c.want, err)
		}
		file.Include = nil
		file.Exclude = nil
		if again, err := run(t, &fetch.Fetcher{Hub: hub}, file); err != nil || again.Skipped { // other files are wanted now
			t.Errorf("%q %q, then all: %+v, %v", c.include, c.exclude, again, err)
		}
		wantFiles(t, file.Dest, hubRepository().Files)
	}
}

// TestHostileNames refuses them before the first byte is asked for.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"../x": "has . or .. in it", "a/../../x": "has . or .. in it", "/etc/passwd": "begins or ends with a slash", "a//b": "two of them in a row",
		"a\x00b": "has a zero byte in it", ".inith/0/x": "is where inith keeps its state", ".INITH/x": "is where inith keeps its state",
		"config.json/x": "is both a file and a directory", strings.Repeat("a", 300): "is too long", "./x": "has . or .. in it",
	} {
		r := hubRepository()
		r.Files[name] = []byte("x")
		s, hub := startHub(t, r)
		dir := t.TempDir()
		_, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(dir, "m")})
		if err == nil || !strings.Contains(err.Error(), want) || len(s.Requests("/resolve/")) > 0 {
			t.Errorf("%.20q: %v, want %s; requests %q", name, err, want, s.Requests("/resolve/"))
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%.20q: there is %v", name, left)
		}
	}
}

// TestCaseTwins keeps both where the volume tells them apart.
func TestCaseTwins(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	r.Files["CONFIG.json"], r.Files["Onnx/model.bin"] = []byte("other"), []byte("small")
	_, hub := startHub(t, r)
	dest := filepath.Join(t.TempDir(), "m")
	if _, err := run(t, &fetch.Fetcher{Hub: hub}, fetch.File{URL: parse(t, "hf://org/model"), Dest: dest}); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dest, r.Files)
}

// TestHubDirectoryUpdate moves a branch: only what changed is fetched, other files stay unless they are to be
// deleted, and each way to replace the directory comes to the same.
func TestHubDirectoryUpdate(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		for _, remove := range []bool{false, true} {
			t.Run(fmt.Sprintf("in place %t, delete %t", inPlace, remove), func(t *testing.T) {
				t.Parallel()
				s, hub := startHub(t, hubRepository())
				file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), InPlace: inPlace, Delete: remove}
				if _, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil {
					t.Fatal(err)
				}
				mine := filepath.Join(file.Dest, "onnx", "mine", "x")
				if err := os.MkdirAll(filepath.Dir(mine), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
					t.Fatal(err)
				}
				next := hubRepository()
				next.Commit = strings.Repeat("f", 40)
				next.Files["config.json"] = []byte(`{"a": 2}`)
				delete(next.Files, "z.txt")
				s.Change(next)
				result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
				if err != nil || result.Fetched != 8 || result.Commit != next.Commit {
					t.Errorf("%+v, %v", result, err)
				}
				want := maps.Clone(next.Files)
				if !remove {
					want["z.txt"], want["onnx/mine/x"] = []byte("z"), []byte("mine")
				}
				wantFiles(t, file.Dest, want)
				before := len(s.Requests(""))
				again, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
				if n := len(s.Requests("")) - before; err != nil || !again.Skipped || n != 1 {
					t.Errorf("again: %+v, %v, %d requests", again, err, n)
				}
			})
		}
	}
}

// TestWriteSums writes a list that sha256sum accepts. With it, no request is sent until it is gone.
func TestWriteSums(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m"), WriteSums: true}
	for i := range 3 {
		before := len(s.Requests(""))
		file.Verify = i == 2
		result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Requests("")) - before; i > 0 && (n != 0 || !result.Skipped) {
			t.Errorf("run %d: %d requests, %+v", i+1, n, result)
		}
	}
	cmd := exec.Command("sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS")
	cmd.Dir = file.Dest
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	files := filesIn(t, file.Dest)
	delete(files, "SHA256SUMS")
	if !maps.EqualFunc(files, hubRepository().Files, bytes.Equal) {
		t.Errorf("files %q", slices.Sorted(maps.Keys(files)))
	}
	if err := os.Remove(filepath.Join(file.Dest, "SHA256SUMS")); err != nil {
		t.Fatal(err)
	}
	before := len(s.Requests(""))
	if result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil || len(s.Requests("")) == before || result.Fetched != 0 {
		t.Errorf("without the list: %+v, %v", result, err)
	}
}

// TestDamagedDirectory finds a file that was changed, by what the file system says of it, and one that was changed
// so that it does not show, with --verify.
func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubRepository())
	file := fetch.File{URL: parse(t, "hf://org/model@"+hubCommit), Dest: filepath.Join(t.TempDir(), "m")}
	if _, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(file.Dest, "config.json"), []byte(`{"a": 9}`), 0o644); err != nil {
		t.Fatal(err)
	}
	before := len(s.Requests("/resolve/"))
	result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
	if n := len(s.Requests("/resolve/")) - before; err != nil || result.Skipped || n != 1 {
		t.Errorf("%+v, %v, %d files asked for", result, err, n)
	}
	wantFiles(t, file.Dest, hubRepository().Files)
}

// TestHubDirectoryWrong publishes nothing if one file is wrong.
func TestHubDirectoryWrong(t *testing.T) {
	t.Parallel()
	s, hub := startHub(t, hubRepository())
	var wrong atomic.Bool
	wrong.Store(true)
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !wrong.Load() || !strings.HasSuffix(r.URL.Path, "/z.txt") {
			return false
		}
		_, _ = w.Write([]byte("y"))
		return true
	}
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: filepath.Join(t.TempDir(), "m")}
	_, err := run(t, &fetch.Fetcher{Hub: hub}, file)
	if err == nil || !strings.Contains(err.Error(), "fetch hf://org/model/z.txt: digest mismatch: want git-blob-1:") {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(file.Dest); err == nil {
		t.Error("there is a directory")
	}
	wrong.Store(false)
	result, err := run(t, &fetch.Fetcher{Hub: hub}, file)
	if err != nil || result.Fetched+result.Resumed != result.Size || result.Fetched == result.Size {
		t.Errorf("again: %+v, %v; want what was right kept", result, err)
	}
	wantFiles(t, file.Dest, hubRepository().Files)
}

// TestHubDirectoryFaults comes to the right files all the same, with few requests more.
func TestHubDirectoryFaults(t *testing.T) {
	t.Parallel()
	type faultFunc func(s *hubserver.Server, n int64, w http.ResponseWriter, r *http.Request) bool
	for name, tt := range map[string]struct {
		connections int // zero: the default
		fault       faultFunc
	}{
		"429 for the listing": {fault: func(_ *hubserver.Server, n int64, w http.ResponseWriter, _ *http.Request) bool {
			return n == 3 && throttle(w)
		}},
		"429 in the middle": {fault: func(_ *hubserver.Server, n int64, w http.ResponseWriter, _ *http.Request) bool {
			return n > 20 && n%7 == 0 && n < 60 && throttle(w)
		}},
		// With few connections, no link that replaces one that expired at the first time has to wait for the second.
		"links expire": {4, func(s *hubserver.Server, n int64, _ http.ResponseWriter, _ *http.Request) bool {
			if n == 20 || n == 60 {
				s.Expire()
			}
			return false
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hubRepository()
			for i := range 50 {
				r.Files[fmt.Sprintf("many/%d", i)] = content(1000 + i)
			}
			s, hub := startHub(t, r)
			s.PageSize = 20
			var n, faults atomic.Int64
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				done := tt.fault(s, n.Add(1), w, r)
				if done {
					faults.Add(1)
				}
				return done
			}
			dest := filepath.Join(t.TempDir(), "m")
			if _, err := run(t, &fetch.Fetcher{Hub: hub, RetryMaxWait: 1, Connections: tt.connections}, fetch.File{URL: parse(t, "hf://org/model"), Dest: dest}); err != nil {
				t.Fatal(err)
			}
			wantFiles(t, dest, r.Files)
			if name != "links expire" && faults.Load() == 0 {
				t.Error("no fault was injected")
			}
			if pages := len(s.Requests("/tree/")); pages > 4 { // of 58 entries, and the one that was refused
				t.Errorf("%d requests for pages", pages)
			}
		})
	}
}

func throttle(w http.ResponseWriter) bool {
	w.Header().Set("RateLimit", `"api";r=0;t=1`)
	w.WriteHeader(http.StatusTooManyRequests)
	return true
}

// TestHubCache writes what the hub's own client reads without a network: blobs, links and references, as
// https://huggingface.co/docs/huggingface_hub/guides/manage-cache has them. A second revision is added to the first.
func TestHubCache(t *testing.T) {
	t.Parallel()
	r := hubRepository()
	r.Files["copy of config.json"] = r.Files["config.json"]
	s, hub := startHub(t, r)
	file := fetch.File{URL: parse(t, "hf://org/model"), Dest: t.TempDir(), HubCache: true}
	root := filepath.Join(file.Dest, "models--org--model")
	wantSnapshot := func(r hubserver.Repository) {
		t.Helper()
		for name, want := range r.Files {
			at := filepath.Join(root, "snapshots", r.Commit, filepath.FromSlash(name))
			b, err := os.ReadFile(at)
			target, linkErr := os.Readlink(at)
			if err != nil || linkErr != nil || !bytes.Equal(b, want) || !strings.HasPrefix(target, strings.Repeat("../", 2+strings.Count(name, "/"))+"blobs/") {
				t.Errorf("%s: %d bytes, %v, a link to %q, %v", name, len(b), err, target, linkErr)
			}
		}
		if b, err := os.ReadFile(filepath.Join(root, "refs", "main")); string(b) != r.Commit {
			t.Errorf("refs/main: %q, %v", b, err)
		}
	}
	for n, again := range []int{0, 1} {
		before := len(s.Requests(""))
		result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file)
		if err != nil || result.Skipped != (n == 1) || result.Path != root {
			t.Fatalf("run %d: %+v, %v", n+1, result, err)
		}
		if asked := len(s.Requests("")) - before; n == 1 && asked != again {
			t.Errorf("run %d: %d requests", n+1, asked)
		}
	}
	wantSnapshot(r)
	if blobs, _ := os.ReadDir(filepath.Join(root, "blobs")); len(blobs) != len(r.Files)-1 {
		t.Errorf("blobs %v", blobs)
	}
	next := hubRepository()
	next.Commit, next.Files["z.txt"] = strings.Repeat("c", 40), []byte("Z")
	s.Change(next)
	if result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil || result.Fetched != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	wantSnapshot(next)
	if _, err := os.ReadFile(filepath.Join(root, "snapshots", r.Commit, "z.txt")); err != nil {
		t.Errorf("the first snapshot: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "snapshots", next.Commit, "z.txt")); err != nil {
		t.Fatal(err)
	}
	if result, err := run(t, &fetch.Fetcher{Hub: hub, Connections: 1}, file); err != nil || result.Skipped || result.Fetched != 0 {
		t.Errorf("without a link: %+v, %v", result, err)
	}
	wantSnapshot(next)
}
