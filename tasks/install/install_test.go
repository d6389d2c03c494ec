package install_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/tasks/install"
)

// What this program does instead of testing, when it is started by a test: it
// installs a file, or stays until its standard input ends.
const (
	installTo   = "INSTALL_TEST_TO"
	installFrom = "INSTALL_TEST_FROM"
	stay        = "INSTALL_TEST_STAY"
)

func TestMain(m *testing.M) {
	switch directory := os.Getenv(installTo); {
	case directory != "":
		for range 5 {
			if _, err := install.Install(context.Background(), os.Getenv(installFrom), directory, "inith"); err != nil {
				panic(err)
			}
		}
	case os.Getenv(stay) != "":
		_, _ = os.Stdout.WriteString("here\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
	default:
		m.Run()
	}
}

func program(t *testing.T, path, variable, value string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), variable+"="+value)
	return cmd
}

// TestTwentyProcesses: they all install at once, of two versions, over each other's.
// Whoever reads meanwhile finds all of one of them, and can execute it.
//
// Not in parallel: a process that another test starts would for a moment have a
// binary open for writing that this one executes (golang.org/issue/22315).
func TestTwentyProcesses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(t.TempDir(), "older")
	old := append(bytes.Clone(binary), "old"...) // what follows the program does it no harm
	write(t, older, old)
	dir := filepath.Join(t.TempDir(), "bin")
	path := filepath.Join(dir, "inith")
	mustInstall(t, older, dir)
	done := make(chan struct{})
	var readers, installers sync.WaitGroup
	readers.Go(func() { until(done, func() bool { return isWhole(t, path, len(old), len(binary)) }) })
	readers.Go(func() { until(done, func() bool { return works(t, path, old, binary) }) })
	for i := range 20 {
		installers.Go(func() {
			cmd := program(t, self, installTo, dir)
			cmd.Env = append(cmd.Env, installFrom+"="+[]string{self, older}[i%2])
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	installers.Wait()
	close(done)
	readers.Wait()
	wantOnly(t, dir, "inith")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o555 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	mustInstall(t, self, dir)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, binary) {
		t.Errorf("%d bytes, %v; want the %d of the binary", len(got), err, len(binary))
	}
}

// until calls f again and again.
func until(done <-chan struct{}, f func() (goOn bool)) {
	for f() {
		select {
		case <-done:
			return
		default:
		}
	}
}

// isWhole looks at a file often enough to see a part of it.
func isWhole(t *testing.T, path string, sizes ...int) bool {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || !slices.Contains(sizes, int(info.Size())) || info.Mode().Perm()&0o555 != 0o555 {
		t.Errorf("a reader does not find all of the binary, executable: %v, %v", info, err)
		return false
	}
	return true
}

// works reads a file and executes it.
func works(t *testing.T, path string, contents ...[]byte) bool {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
		t.Errorf("a reader finds %d bytes, %v", len(got), err)
		return false
	}
	if out, err := program(t, path, stay, "yes").CombinedOutput(); err != nil {
		t.Errorf("the file cannot be executed: %v: %s", err, out)
		return false
	}
	return true
}

// TestBusy: a binary that is being executed is replaced, and goes on. To write to
// it would fail, which the test shows first.
func TestBusy(t *testing.T) { // not in parallel, see above
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says that a file is busy")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mustInstall(t, self, dir)
	path := filepath.Join(dir, "inith")
	cmd := program(t, path, stay, "yes")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("here\n"))); err != nil {
		t.Fatal(err)
	}
	if _, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		t.Fatal("the file is not busy: this test shows nothing")
	}
	newer := filepath.Join(t.TempDir(), "newer")
	write(t, newer, []byte("newer"))
	mustInstall(t, newer, dir)
	if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
		t.Errorf("the process that was there: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "newer" {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestIntactIsLeftAlone(t *testing.T) {
	t.Parallel()
	source, dir := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "a", "b")
	write(t, source, bytes.Repeat([]byte("0123456789"), 100_000))
	path := filepath.Join(dir, "inith")
	install1 := func(there bool) fs.FileInfo {
		t.Helper()
		want := install.Result{Path: path, Size: 1_000_000, UpToDate: there}
		if diff := cmp.Diff(want, mustInstall(t, source, dir)); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o555 {
			t.Fatalf("mode %v, %v", info.Mode(), err)
		}
		return info
	}
	first := install1(false)
	if second := install1(true); !os.SameFile(first, second) {
		t.Error("an intact binary was replaced")
	}
	for name, damage := range map[string]func() error{
		"mode":    func() error { return os.Chmod(path, 0o600) },
		"content": func() error { return replaceByte(path) },
		"link":    func() error { return errors.Join(os.Remove(path), os.Symlink(source, path)) },
		"size":    func() error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)) },
	} {
		if err := damage(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		install1(false)
	}
	if got, err := os.ReadFile(source); err != nil || len(got) != 1_000_000 {
		t.Errorf("the source has %d bytes, %v", len(got), err)
	}
	wantOnly(t, dir, "inith")
}

// replaceByte changes the last byte and nothing else.
func replaceByte(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)-1]++
	return errors.Join(os.Remove(path), os.WriteFile(path, b, 0o600), os.Chmod(path, 0o555))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	source, dir := filepath.Join(t.TempDir(), "source"), t.TempDir()
	write(t, source, []byte("x"))
	write(t, filepath.Join(dir, "file"), []byte("x"))
	if err := os.MkdirAll(filepath.Join(dir, "taken", "inith"), 0o700); err != nil {
		t.Fatal(err)
	}
	for directory, want := range map[string]string{"file": "file: not a directory", "taken": "replaces nothing else"} {
		_, err := install.Install(t.Context(), source, filepath.Join(dir, directory), "inith")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: err = %v, want %q", directory, err, want)
		}
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := install.Install(ctx, source, filepath.Join(dir, "new"), "inith"); !errors.Is(err, stop) {
		t.Errorf("err = %v, want the cause of the context", err)
	}
	wantOnly(t, filepath.Join(dir, "new"))
}

func mustInstall(t *testing.T, source, dir string) install.Result {
	t.Helper()
	r, err := install.Install(t.Context(), source, dir, "inith")
	if err != nil {
		t.Fatalf("%v (%s)", err, usererr.Hint(err))
	}
	return r
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantOnly checks that a directory has these names, and nothing that is temporary.
func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
