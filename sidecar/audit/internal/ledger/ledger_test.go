package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/audit/internal/ledger"
)

// open opens a log that is closed at the end of the test.
func open(t *testing.T, o ledger.Options) *ledger.Writer {
	t.Helper()
	w, err := ledger.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// appendAll writes lines one after another, and returns the errors.
func appendAll(w *ledger.Writer, n int) []error {
	var errs []error
	for i := range n {
		done := make(chan error, 1)
		w.Append(fmt.Appendf(nil, `{"event":"exchange","n":%d,"path":"/\"%d"}`, i, i), func(err error) { done <- err })
		if err := <-done; err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// write makes a closed log of n lines between those of start and stop.
func write(t *testing.T, path string, n int) {
	t.Helper()
	w := open(t, ledger.Options{Path: path})
	if errs := appendAll(w, n); len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verify(t *testing.T, paths ...string) ledger.Report {
	t.Helper()
	r, err := ledger.Verify(paths, nil)
	if err != nil {
		t.Fatalf("%v: %v", paths, err)
	}
	return r
}

func TestWriteAndVerify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, 3)
	if r := verify(t, path); r != (ledger.Report{Files: 1, Lines: 5, First: 1, Last: 5, Closed: true}) {
		t.Errorf("got %+v", r)
	}
	write(t, path, 2) // a second start continues the chain
	if r := verify(t, path); r != (ledger.Report{Files: 1, Lines: 9, First: 1, Last: 9, Closed: true}) {
		t.Errorf("got %+v", r)
	}
}

// TestTampering changes a log in every way, and expects the first bad line.
func TestTampering(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	write(t, path, 4)
	lines := bytes.SplitAfter(read(t, path), []byte("\n"))[:6]
	for name, tt := range map[string]struct {
		lines [][]byte
		bad   int
	}{
		"changed":   {replaced(lines, 2, bytes.Replace(lines[2], []byte(`"n":1`), []byte(`"n":7`), 1)), 3},
		"removed":   {append(append([][]byte{}, lines[:2]...), lines[3:]...), 3},
		"duplicate": {append(append([][]byte{}, lines[:3]...), lines[2:]...), 4},
		"swapped":   {[][]byte{lines[0], lines[2], lines[1], lines[3]}, 2},
		"inserted":  {append(append([][]byte{}, lines[:2]...), append([][]byte{[]byte("{}\n")}, lines[2:]...)...), 3},
		"empty":     {append(append([][]byte{}, lines[:2]...), append([][]byte{[]byte("\n")}, lines[2:]...)...), 3},
		"torn":      {[][]byte{lines[0], lines[1][:20], []byte("\n"), lines[2]}, 2},
		"forged":    {[][]byte{bytes.Replace(lines[0], []byte(`"prev":"0`), []byte(`"prev":"1`), 1)}, 1},
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, bytes.Join(tt.lines, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ledger.Verify([]string{bad}, nil)
		e, ok := errors.AsType[*ledger.ChainError](err)
		if !ok || e.Line != tt.bad {
			t.Errorf("%s: got %v, want line %d", name, err, tt.bad)
		}
	}
}

func replaced(lines [][]byte, at int, line []byte) [][]byte {
	all := append([][]byte{}, lines...)
	all[at] = line
	return all
}

// TestRehashedByOthers has somebody who can compute SHA-256 make a whole new chain: only a key shows that.
func TestRehashedByOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	forged, genuine := filepath.Join(dir, "forged"), filepath.Join(dir, "genuine")
	write(t, forged, 3)
	verify(t, forged)
	key := []byte("0123456789abcdef0123456789abcdef")
	w := open(t, ledger.Options{Path: genuine, Key: key})
	appendAll(w, 3)
	_ = w.Close()
	if _, err := ledger.Verify([]string{genuine}, key); err != nil {
		t.Error(err)
	}
	for path, key := range map[string][]byte{forged: key, genuine: []byte("another")} {
		if _, err := ledger.Verify([]string{path}, key); err == nil {
			t.Errorf("%s verifies", path)
		}
	}
}

// TestTornAnywhere cuts a log at every byte of its last two lines, as a crash of the node may, and starts again.
func TestTornAnywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	write(t, path, 1)
	whole := read(t, path)
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := range whole {
		torn := filepath.Join(dir, "torn")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if cut >= first {
			verify(t, torn) // also while nobody has started again
		}
		write(t, torn, 1)
		r := verify(t, torn)
		if !bytes.HasPrefix(read(t, torn), whole[:cut]) {
			t.Fatalf("cut at %d: what was there has changed", cut)
		}
		if boundary := cut == 0 || whole[cut-1] == '\n' || whole[cut] == '\n'; boundary != (r.Torn == 0) {
			t.Fatalf("cut at %d: %+v", cut, r)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "requests.jsonl")
	for range 3 { // starts
		w := open(t, ledger.Options{Path: path, RotateSize: 2000, Sync: ledger.SyncEach})
		if errs := appendAll(w, 30); len(errs) > 0 {
			t.Fatal(errs)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) < 8 {
		t.Fatalf("%v, %v", all, err)
	}
	gz := 0
	for _, name := range all {
		if strings.HasSuffix(name, ".jsonl.gz") {
			gz++
		}
	}
	if gz < len(all)-2 {
		t.Errorf("%d of %d files are compressed", gz, len(all))
	}
	r := verify(t, all...)
	if r.First != 1 || r.Lines != r.Last || r.Lines < 96 {
		t.Errorf("got %+v", r)
	}
	if _, err := ledger.Verify(append(all[:2], all[3:]...), nil); err == nil {
		t.Error("a file that is missing is not noticed")
	}
}

// TestChainSurvivesTheNewestFile loses the file right after it was rotated.
func TestChainSurvivesTheNewestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "requests.jsonl")
	w := open(t, ledger.Options{Path: path, RotateSize: 1})
	appendAll(w, 3)
	_ = w.Close()
	_ = os.Remove(path)
	write(t, path, 1)
	all, _ := filepath.Glob(filepath.Join(dir, "*"))
	if r := verify(t, all...); r.First != 1 || r.Last != r.Lines {
		t.Errorf("got %+v", r)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "requests.jsonl")
	foreign := filepath.Join(dir, "requests-notes.jsonl")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, ledger.Options{Path: path, RotateSize: 1, Keep: 2})
	appendAll(w, 20)
	_ = w.Close()
	all, _ := filepath.Glob(filepath.Join(dir, "requests-0*"))
	if len(all) != 2 {
		t.Errorf("%v, want two", all)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

// TestRemovedAndReplaced takes the file away while it is written.
func TestRemovedAndReplaced(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path string) error{
		"removed":   os.Remove,
		"replaced":  func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
		"truncated": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.jsonl")
			w := open(t, ledger.Options{Path: path})
			appendAll(w, 2)
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return w.Stats().Reopened == 1 && w.Err() == nil })
			appendAll(w, 1)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, path); r.First != 4 || r.Last != 6 {
				t.Errorf("got %+v", r)
			}
			if !bytes.Contains(read(t, path), []byte(`"reason":"`+name+`"`)) {
				t.Errorf("the log does not say why:\n%s", read(t, path))
			}
		})
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never became so")
}

func TestOneWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	open(t, ledger.Options{Path: path})
	if _, err := ledger.Open(ledger.Options{Path: path}); err == nil || !strings.Contains(err.Error(), "another process writes it") {
		t.Errorf("got %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "a.jsonl"): "no such file or directory",
		dir:                                   "is a directory",
		link:                                  "symbolic link",
	} {
		if _, err := ledger.Open(ledger.Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

// TestFullDisk writes to the device that is always full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	w := open(t, ledger.Options{Path: "/dev/full"})
	if w.Err() == nil || !strings.Contains(w.Err().Error(), "no space left") {
		t.Errorf("got %v", w.Err())
	}
	if errs := appendAll(w, 5); len(errs) != 5 {
		t.Errorf("got %v", errs)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "could not be written") {
		t.Errorf("got %v", err)
	}
}

// TestMinFree has less free than is asked for, from the start and later.
func TestMinFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	w := open(t, ledger.Options{Path: path, MinFree: 1 << 60})
	if errs := appendAll(w, 2); len(errs) != 2 || w.Err() == nil || !strings.Contains(w.Err().Error(), "--min-free") {
		t.Errorf("got %v, %v", errs, w.Err())
	}
	if err := w.Close(); err == nil {
		t.Error("lost lines are no error")
	}
	if len(read(t, path)) > 0 {
		t.Error("it was written nevertheless")
	}
}

// TestManyAtOnce appends from many goroutines with a sync each: they share syncs, and none is lost.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	w := open(t, ledger.Options{Path: path, Sync: ledger.SyncEach, Block: true})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if errs := appendAll(w, 20); len(errs) > 0 {
				t.Error(errs)
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Lines != 1002 {
		t.Errorf("got %+v", r)
	}
}

// FuzzVerify gives a log anything: it must not crash, and whatever it accepts must be continued by a writer.
func FuzzVerify(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.jsonl")
	w, err := ledger.Open(ledger.Options{Path: path})
	if err != nil {
		f.Fatal(err)
	}
	appendAll(w, 2)
	_ = w.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-30])
	f.Add([]byte("\x1f\x8b\n{}"))
	f.Add([]byte(`{"v":1,"seq":-1,"prev":"","hash":""}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a.jsonl")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, accepted := ledger.Verify([]string{path}, nil)
		if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			return // a compressed file is never continued
		}
		write(t, path, 1)
		if _, err := ledger.Verify([]string{path}, nil); accepted == nil && err != nil {
			t.Errorf("was accepted, and is not after a start: %v", err)
		}
	})
}
