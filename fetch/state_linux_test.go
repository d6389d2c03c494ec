package fetch_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
)

// forgeReceipt writes a receipt that says of what is at a destination that it is intact.
func forgeReceipt(tb testing.TB, file fetch.File, want string) {
	tb.Helper()
	stat, err := os.Lstat(file.Dest)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"version": 2, "size": stat.Size(), "digest": want, "evidence": "pinned", "modified": stat.ModTime().UnixNano(), "file": identity(tb, file.Dest),
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(stateOf(file.Dest), 0o700), os.WriteFile(filepath.Join(stateOf(file.Dest), "model.bin.receipt"), b, 0o600)); err != nil {
		tb.Fatal(err)
	}
}

// TestForgedReceipt has others write the receipt of a file of theirs.
func TestForgedReceipt(t *testing.T) {
	t.Parallel()
	b := content(100_000)
	for _, tt := range []struct {
		name    string
		mode    os.FileMode // of the directory of the state
		verify  bool
		skipped bool
	}{
		{"in a directory that others can write to", 0o777, false, false},
		{"in our own directory", 0o700, false, true}, // the forgery is good enough
		{"in our own directory, which is not asked", 0o700, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, b, nil)
			file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(b), Verify: tt.verify}
			if err := os.WriteFile(file.Dest, append([]byte("forged"), b[6:]...), 0o600); err != nil {
				t.Fatal(err)
			}
			forgeReceipt(t, file, digestOf(b).String())
			if err := os.Chmod(stateOf(file.Dest), tt.mode); err != nil {
				t.Fatal(err)
			}
			result, err := run(t, &fetch.Fetcher{}, file)
			got, _ := os.ReadFile(file.Dest)
			if err != nil || result.Skipped != tt.skipped || bytes.Equal(got, b) == tt.skipped {
				t.Errorf("%+v, %v; right bytes: %t", result, err, bytes.Equal(got, b))
			}
		})
	}
}

// TestForgedJournal has others write a partial file, and a journal whose checksums fit
// it. Without a digest nothing of it counts; with one, all is hashed.
func TestForgedJournal(t *testing.T) {
	t.Parallel()
	b := content(3 << 20)
	forged := append([]byte("forged"), b[6:]...)
	for _, pinned := range []bool{true, false} {
		o := newOrigin(t, b, nil)
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
		if pinned {
			file.Digest = digestOf(b)
		}
		interrupted(t, o, file)
		part, journal := left(t, file)
		lines, err := os.ReadFile(journal)
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(lines), "\n")
		header += "\n"
		for piece := range 3 {
			header += journalLine(fmt.Sprintf("have %d %08x", piece, checksum(forged[piece<<20:(piece+1)<<20])))
		}
		err = errors.Join(os.WriteFile(part, forged, 0o600), os.WriteFile(journal, []byte(header), 0o600), os.Chmod(stateOf(file.Dest), 0o777))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Errorf("pinned %t: %v", pinned, err)
		}
		if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
			t.Errorf("pinned %t: WRONG BYTES", pinned)
		}
	}
}

// TestLinksInTheState puts links and pipes where inith has its state: nothing is read or
// written through them, and a pipe does not stop it.
func TestLinksInTheState(t *testing.T) {
	t.Parallel()
	b := content(3 << 20)
	for _, name := range []string{
		".inith", ".inith/UID", ".inith/model.bin.lock", ".inith/UID/model.bin.receipt", ".inith/UID/model.bin.receipt.new",
		".inith/UID/model.bin.AAAA.part", ".inith/UID/model.bin.AAAA.journal",
	} {
		name = strings.Replace(name, "UID", fmt.Sprint(os.Geteuid()), 1)
		for kind, create := range map[string]func(victim, path string) error{
			"symbolic link": os.Symlink,
			"hard link":     os.Link,
			"pipe":          func(_, path string) error { return unix.Mkfifo(path, 0o666) },
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
				path := filepath.Join(dir, name)
				if err := errors.Join(os.WriteFile(victim, []byte("not yours"), 0o600), os.MkdirAll(filepath.Dir(path), 0o700), create(victim, path)); err != nil {
					t.Fatal(err)
				}
				o := newOrigin(t, b, nil)
				file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(dir, "model.bin"), Digest: digestOf(b)}
				_, err := run(t, &fetch.Fetcher{}, file)
				if _, local := errors.AsType[*fetch.LocalError](err); err != nil && !local {
					t.Errorf("err = %v, want right bytes or that the file system refuses", err)
				}
				if got, readErr := os.ReadFile(file.Dest); err == nil && !bytes.Equal(got, b) {
					t.Errorf("WRONG BYTES, %v", readErr)
				}
				if got, _ := os.ReadFile(victim); string(got) != "not yours" {
					t.Errorf("the victim has %d bytes now", len(got))
				}
			})
		}
	}
}

// TestStateLeadsElsewhere has .inith lead to a directory of another user's choice.
func TestStateLeadsElsewhere(t *testing.T) {
	t.Parallel()
	b := content(1000)
	o := newOrigin(t, b, nil)
	for _, name := range []string{".inith", ".inith/" + fmt.Sprint(os.Geteuid())} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(elsewhere, path)); err != nil {
			t.Fatal(err)
		}
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(dir, "model.bin")}
		_, err := run(t, &fetch.Fetcher{}, file)
		checkRefusal(t, file, fetch.Result{}, err, "cannot create .inith next to the file")
		if left, _ := os.ReadDir(elsewhere); len(left) > 0 {
			t.Errorf("%s: written elsewhere: %v", name, left)
		}
	}
}

// A halfWriter calls half before it has written more than what is left of an answer.
type halfWriter struct {
	http.ResponseWriter
	left int
	half func()
}

func (w *halfWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		w.half()
	}
	return w.ResponseWriter.Write(b)
}

// TestPartReplaced puts another file in the place of the partial one while it is
// fetched: the destination is what was verified.
func TestPartReplaced(t *testing.T) {
	t.Parallel()
	b := content(9 << 20)
	dest := filepath.Join(t.TempDir(), "model.bin")
	var once sync.Once
	replace := func() {
		part, err := filepath.Glob(stateOf(dest) + "/*.part")
		if err != nil || len(part) != 1 {
			t.Errorf("%q, %v", part, err)
			return
		}
		if err := errors.Join(os.Remove(part[0]), os.WriteFile(part[0], []byte("another file"), 0o600)); err != nil {
			t.Error(err)
		}
	}
	o := newOrigin(t, b, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&halfWriter{ResponseWriter: w, left: len(b) / 2, half: func() { once.Do(replace) }}, r)
		})
	})
	one := fetch.Fetcher{Connections: 1}
	if _, err := run(t, &one, fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: dest, Digest: digestOf(b)}); err != nil {
		t.Fatal(err)
	}
	replaced := true
	once.Do(func() { replaced = false })
	if got, err := os.ReadFile(dest); !replaced || !bytes.Equal(got, b) {
		t.Errorf("WRONG BYTES (%d), %v; replaced: %t", len(got), err, replaced)
	}
}

// TestSharedState holds the modes of the directories of the state.
func TestSharedState(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o755, 0o777, 0o775} {
		dir := filepath.Join(t.TempDir(), "models")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		o := newOrigin(t, content(1000), nil)
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(dir, "model.bin")}
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Fatal(err)
		}
		shared, err1 := os.Stat(filepath.Join(dir, ".inith"))
		own, err2 := os.Stat(stateOf(file.Dest))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if shared.Mode() != os.ModeDir|os.ModeSticky|mode || own.Mode() != os.ModeDir|0o700 {
			t.Errorf("%v: .inith has %v and its own directory %v", mode, shared.Mode(), own.Mode())
		}
	}
}

// TestIntactReadOnly looks at an intact file on a volume that has become read-only.
func TestIntactReadOnly(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir, s := mounted(t, "tmpfs", "size=32m"), good(t, 3<<20, 0)
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin"), Digest: pin(s.Want())}
	arrives(t, s, file)
	asked := len(s.Requests())
	for _, state := range []bool{true, false} {
		if !state {
			if err := errors.Join(unix.Mount("", dir, "", unix.MS_REMOUNT, ""), os.RemoveAll(filepath.Join(dir, ".inith"))); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		if result := arrives(t, s, file); !result.Skipped || len(s.Requests()) != asked {
			t.Errorf("with state %t: %+v after %d requests", state, result, len(s.Requests())-asked)
		}
	}
}

// TestIntactOfAnotherUser looks at a file that root has fetched, as another user, who
// then fetches one of his own.
func TestIntactOfAnotherUser(t *testing.T) {
	const nobody, name = 65534, "inith-test-two-users"
	dir := filepath.Join(os.TempDir(), name)
	if os.Getuid() == 0 {
		_ = os.RemoveAll(dir)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
		s := good(t, 3<<20, 0)
		arrives(t, s, fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin"), Digest: pin(s.Want())})
		child(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
		return
	}
	if _, err := os.Stat(filepath.Join(dir, "model.bin")); err != nil {
		t.Skip("root prepares this test")
	}
	s := good(t, 3<<20, 0)
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin"), Digest: pin(s.Want())}
	if result := arrives(t, s, file); !result.Skipped {
		t.Errorf("%+v; want it up to date", result)
	}
	file.Dest = filepath.Join(dir, "other.bin")
	arrives(t, s, file)
	if result := arrives(t, s, file); !result.Skipped {
		t.Errorf("%+v; want it up to date", result)
	}
}

// TestExtractedAndTouched has an application write into the directory that an archive
// became.
func TestExtractedAndTouched(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "README", Mode: 0o644, Size: 5})
	_, _ = w.Write([]byte("hello"))
	_ = w.Close()
	o := newOrigin(t, archive.Bytes(), nil)
	dest := filepath.Join(t.TempDir(), "model")
	file := fetch.File{URL: parse(t, o.URL+"/model.tar"), Dest: dest, Digest: digestOf(archive.Bytes()), Extract: true}
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dest, "cache"), []byte("of the application"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	result, err := run(t, &fetch.Fetcher{Logger: slog.New(slog.NewTextHandler(&log, nil))}, file)
	if err != nil || !result.Skipped || !strings.Contains(log.String(), "the directory changed since the archive was extracted") {
		t.Errorf("%+v, %v, log %s", result, err, &log)
	}
	other := content(1000)
	o.become(other, `"v2"`)
	file.Digest = digestOf(other)
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil || !strings.Contains(err.Error(), "the directory is not empty") {
		t.Errorf("err = %v, want another version refused", err)
	}
}
