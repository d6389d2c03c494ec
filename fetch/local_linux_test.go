package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
	"github.com/inith/inith/internal/usererr"
)

// child runs the test that calls it in a process of its own, where attr tells. It
// reports whether it is that process.
func child(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	const mark = "INITH_TEST_CHILD"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env, cmd.Dir, cmd.SysProcAttr = append(os.Environ(), mark+"="+t.Name(), "HOME=/"), "/", attr
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// namespace runs the test in mount namespace of its own, as its root.
func namespace(t *testing.T) bool {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	return child(t, attr)
}

// mounted returns a folder where a file system of a kind is.
func mounted(t *testing.T, kind, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(kind, dir, kind, 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// good returns a server without faults.
func good(t *testing.T, size, rate int64) *faultserver.Server {
	t.Helper()
	s := &faultserver.Server{Content: faultserver.Content{Size: size, Seed: 36}, Rate: rate}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// naively gets a URL as scripts do: straight to the destination.
func naively(s *faultserver.Server, dest string) error {
	client := s.Client()
	defer client.CloseIdleConnections()
	resp, err := client.Get(s.URL())
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	f, err := os.Create(dest)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// refusal checks that a transfer ends at once with an error of the file system's,
// which has the texts, and that nothing is at the destination.
func refusal(t *testing.T, file fetch.File, texts ...string) {
	t.Helper()
	result, err := run(t, &fetch.Fetcher{}, file)
	checkRefusal(t, file, result, err, texts...)
}

func checkRefusal(t *testing.T, file fetch.File, result fetch.Result, err error, texts ...string) {
	t.Helper()
	if _, local := errors.AsType[*fetch.LocalError](err); !local || result.Retries > 0 {
		t.Errorf("err = %v after %d retries, want one of the file system at once", err, result.Retries)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error()+" "+usererr.Hint(err), text) {
			t.Errorf("err = %v, want %q", err, text)
		}
	}
	if err := refused(err, file.Dest); err != nil {
		t.Error(err)
	}
}

// arrives fetches a file.
func arrives(t *testing.T, s *faultserver.Server, file fetch.File) fetch.Result {
	t.Helper()
	result, err := run(t, &fetch.Fetcher{}, file)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := sumOf(file.Dest); sum != pin(s.Want()).Hex {
		t.Errorf("WRONG BYTES, %v", err)
	}
	return result
}

// A volume that is too small shows before the transfer.
func TestFullVolume(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir, s := mounted(t, "tmpfs", "size=2m"), good(t, 40<<20, 0)
	naive := filepath.Join(dir, "naive")
	if err := naively(s, naive); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the naive client: %v", err)
	}
	if stat, err := os.Stat(naive); err != nil || stat.Size() == 0 {
		t.Fatal("the naive client has left nothing")
	}
	_ = os.Remove(naive)
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}
	refusal(t, file, "needs 40.0 MiB, and there are 2.0 MiB", "free on the volume")
	if asked := s.Requests()[1:]; len(asked) != 1 || asked[0].Sent > 20<<20 { // the answer that tells the size
		t.Errorf("asked for more: %+v", asked)
	}
}

// A volume that fills up meanwhile keeps what has come.
func TestVolumeFillsUp(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir, s := mounted(t, "tmpfs", "size=12m"), good(t, 10<<20, 1<<20)
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}
	f := &fetch.Fetcher{Connections: 2}
	tr, err := f.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	var filling sync.WaitGroup
	filling.Go(func() {
		for tr.Status().Done < 4<<20 {
			time.Sleep(time.Millisecond)
		}
		_ = os.WriteFile(filler, make([]byte, 12<<20), 0o600)
	})
	result, err := tr.Run(t.Context())
	filling.Wait()
	checkRefusal(t, file, result, err, "no space left on the volume", "enlarge the volume")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if result := arrives(t, s, file); result.Resumed < 1<<20 {
		t.Errorf("resumed %d bytes", result.Resumed)
	}
}

// A read-only file system is told, and what is there from before is of use later.
func TestReadOnly(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir, s := mounted(t, "tmpfs", "size=32m"), good(t, 10<<20, 2<<20)
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}
	stopped(t, file, 4<<20)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := naively(s, file.Dest); !errors.Is(err, unix.EROFS) {
		t.Fatalf("the naive client: %v", err)
	}
	refusal(t, file, "the file system is read-only", "without readOnly")
	other := file
	other.Dest = filepath.Join(dir, "other", "model.bin")
	refusal(t, other, "the file system is read-only", "without readOnly")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if result := arrives(t, s, file); result.Resumed < 1<<20 {
		t.Errorf("resumed %d bytes", result.Resumed)
	}
}

// stopped fetches some bytes of a file and is stopped.
func stopped(t *testing.T, file fetch.File, after int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr, err := (&fetch.Fetcher{Connections: 2}).Open(file)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for tr.Status().Done < after {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want it canceled", err)
	}
}

// A folder that belongs to another user is told.
func TestNoPermission(t *testing.T) {
	if os.Getuid() == 0 {
		const nobody = 65534
		child(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
		return
	}
	s, dir := good(t, 10<<20, 2<<20), t.TempDir()
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}
	mode := func(name string, m os.FileMode) {
		if err := os.Chmod(name, m); err != nil {
			t.Fatal(err)
		}
	}
	mode(dir, 0o555)
	if err := naively(s, file.Dest); !errors.Is(err, unix.EACCES) {
		t.Fatalf("the naive client: %v", err)
	}
	refusal(t, file, "permission denied", "fsGroup")
	mode(dir, 0o755)
	stopped(t, file, 4<<20)
	state := filepath.Join(dir, ".inith")
	mode(state, 0o555) // of an init container that ran as another user
	refusal(t, file, "permission denied", "fsGroup")
	mode(state, 0o755)
	if result := arrives(t, s, file); result.Resumed < 1<<20 {
		t.Errorf("resumed %d bytes", result.Resumed)
	}
}

// A limit on the size of files is told.
func TestFileSizeLimit(t *testing.T) {
	if !child(t, nil) {
		return
	}
	s, dir := good(t, 3<<20, 0), t.TempDir()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := naively(s, filepath.Join(dir, "naive")); !errors.Is(err, unix.EFBIG) {
		t.Fatalf("the naive client: %v", err)
	}
	refusal(t, fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}, "ulimit -f")
}

// A file system that cannot make room beforehand, nor tells how much there is.
func TestNoFallocate(t *testing.T) {
	if !namespace(t) {
		return
	}
	dir, s := mounted(t, "ramfs", ""), good(t, 10<<20, 4<<20)
	probe, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(probe.Fd()), 0, 0, 1<<20); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("fallocate: %v", err)
	}
	_ = probe.Close()
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(dir, "model.bin")}
	stopped(t, file, 4<<20)
	if result := arrives(t, s, file); result.Resumed < 1<<20 {
		t.Errorf("resumed %d bytes", result.Resumed)
	}
}

// What has the destination's name is replaced, not written to, or left alone.
func TestDestination(t *testing.T) {
	t.Parallel()
	s, dir := good(t, 2<<20, 0), t.TempDir()
	old, dest := filepath.Join(dir, "old"), filepath.Join(dir, "model.bin")
	for _, tt := range []struct {
		name string
		make func() error
		text string // of the error; "": none
	}{
		{"a symbolic link", func() error { return os.Symlink("old", dest) }, ""},
		{"a hard link", func() error { return os.Link(old, dest) }, ""},
		{"a dangling link", func() error { return os.Symlink("nothing", dest) }, ""},
		{"a loop of links", func() error { return os.Symlink("model.bin", dest) }, ""},
		{"a pipe", func() error { return unix.Mkfifo(dest, 0o600) }, "not a regular file"},
		{"a link to a pipe", func() error {
			return errors.Join(unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink("pipe", dest))
		}, "not a regular file"},
		{"a folder with such a folder", func() error { return os.MkdirAll(filepath.Join(dest, "model.bin"), 0o700) }, "is a directory"},
	} {
		if err := errors.Join(os.RemoveAll(dest), os.WriteFile(old, []byte("old"), 0o600), tt.make()); err != nil {
			t.Fatal(err)
		}
		if tt.name == "a symbolic link" || tt.name == "a hard link" {
			if err := naively(s, dest); err != nil {
				t.Fatal(err)
			}
			if b, _ := os.ReadFile(old); string(b) == "old" {
				t.Fatalf("%s: the naive client has done no harm", tt.name)
			}
			if err := errors.Join(os.RemoveAll(dest), os.WriteFile(old, []byte("old"), 0o600), tt.make()); err != nil {
				t.Fatal(err)
			}
		}
		before, _ := os.Lstat(dest)
		file := fetch.File{URL: parse(t, s.Path("/model.bin")), Dest: dest}
		tr, err := (&fetch.Fetcher{}).Open(file)
		if err == nil {
			_, err = tr.Run(t.Context())
		}
		after, _ := os.Lstat(dest)
		switch {
		case tt.text != "" && (err == nil || !strings.Contains(err.Error(), tt.text) || !os.SameFile(before, after)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.text)
		case tt.text == "" && (err != nil || !after.Mode().IsRegular() || os.SameFile(before, after)):
			t.Errorf("%s: %v, %v", tt.name, err, after)
		}
		if tt.text == "" { // else reading a pipe would hang
			if sum, err := sumOf(dest); sum != pin(s.Want()).Hex {
				t.Errorf("%s: WRONG BYTES, %v", tt.name, err)
			}
		}
		if b, err := os.ReadFile(old); string(b) != "old" {
			t.Errorf("%s: what it leads to has changed: %v", tt.name, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "nothing")); err == nil {
			t.Errorf("%s: written through", tt.name)
		}
	}
}
