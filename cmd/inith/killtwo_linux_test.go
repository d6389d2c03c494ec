package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A scene is a file that is fetched by one or two processes.
type scene struct {
	*killTest
	*slowOrigin
	dest, sum string
	runs      int
}

func (k *killTest) scene(t *testing.T, size int, takes time.Duration) *scene {
	t.Helper()
	b := randomBytes(size, 7)
	s := &scene{
		killTest: k, slowOrigin: newSlowOrigin(b, takes),
		dest: filepath.Join(t.TempDir(), "model.bin"), sum: fmt.Sprintf("%x", sha256.Sum256(b)),
	}
	t.Cleanup(s.Close)
	return s
}

// start starts a run that is killed with the test.
func (s *scene) start(t *testing.T) *fetchRun {
	t.Helper()
	s.runs++
	r, err := startFetch(s.bin, s.url(s.runs), s.dest, "--sha256", s.sum)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	return r
}

// halfway waits until the origin has sent half of the file to a run.
func (s *scene) halfway(t *testing.T, r *fetchRun, run int) {
	t.Helper()
	for end := time.Now().Add(hangs); s.of(run).sent < int64(len(s.content)/2); {
		if r.read(time.Now().Add(time.Millisecond), ""); time.Now().After(end) {
			t.Fatalf("no progress: %s", &r.lines)
		}
	}
}

// says waits until a run logs a text.
func says(t *testing.T, r *fetchRun, text string) {
	t.Helper()
	if !r.read(time.Now().Add(hangs), text) {
		t.Fatalf("it does not say %q: %s", text, &r.lines)
	}
}

// again returns how many bytes of those that had arrived a run has asked for, and
// how many had.
func (s *scene) again(there []bool, run int) (n, of int64) {
	for i, came := range there {
		lo, hi := int64(i*block), int64(min(len(s.content), i*block+block))
		if !came {
			continue
		}
		of += hi - lo
		for _, span := range s.of(run).spans {
			n += max(0, min(hi, span[1])-max(lo, span[0]))
		}
	}
	return n, of
}

// resumes holds a run to go on with what another had left.
func (s *scene) resumes(t *testing.T, there []bool, before, run int) {
	t.Helper()
	again, of := s.again(there, run)
	if most := int64(s.of(before).most) << 20; of < int64(len(s.content)/4) || again > most {
		t.Errorf("%d of the %d bytes that were there were asked for again, want at most %d", again, of, most)
	}
}

// part returns what of the partial file is there.
func (s *scene) part(t *testing.T) []bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(stateOf(s.dest), "*.part"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("partial files: %q, %v", paths, err)
	}
	there, err := arrived(paths[0], s.content)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// bothSucceed waits for two runs. The destination is right when the first has
// ended.
func (s *scene) bothSucceed(t *testing.T, a, b *fetchRun) {
	t.Helper()
	ended := make(chan error, 2)
	for _, r := range []*fetchRun{a, b} {
		go func() { ended <- r.succeed() }()
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if right, err := holds(s.dest, s.content); err != nil || !right {
			t.Errorf("the destination is right: %t, %v", right, err)
		}
	}
	if err := verdict(s.dest, s.sum); err != nil {
		t.Error(err)
	}
}

// terminated sends SIGTERM, after which the next run goes on.
func (k *killTest) terminated(t *testing.T) {
	t.Parallel()
	s := k.scene(t, 24<<20, time.Second)
	a := s.start(t)
	s.halfway(t, a, 1)
	if err := a.cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := a.wait(); code != 143 || err != nil {
		t.Errorf("exit code %d, %v: %s", code, err, &a.lines)
	}
	there := s.part(t)
	b := s.start(t)
	if err := errors.Join(b.succeed(), verdict(s.dest, s.sum)); err != nil {
		t.Fatal(err)
	}
	s.resumes(t, there, 1, 2)
}

func (k *killTest) oneWaits(t *testing.T) {
	t.Parallel()
	s := k.scene(t, 12_000_000, time.Second)
	a := s.start(t)
	says(t, a, `"phase":"fetching"`)
	b := s.start(t)
	says(t, b, "another process fetches this file: waiting for it")
	s.bothSucceed(t, a, b)
	if !strings.Contains(b.lines.String(), "up to date") || len(s.of(2).spans) > 0 {
		t.Errorf("the second asked for %v: %s", s.of(2).spans, &b.lines)
	}
}

func (k *killTest) holderKilled(t *testing.T) {
	t.Parallel()
	s := k.scene(t, 24<<20, time.Second)
	a := s.start(t)
	says(t, a, `"phase":"fetching"`)
	b := s.start(t)
	says(t, b, "waiting for it")
	s.halfway(t, a, 1)
	a.kill()
	there := s.part(t)
	if err := errors.Join(b.succeed(), verdict(s.dest, s.sum)); err != nil {
		t.Fatal(err)
	}
	s.resumes(t, there, 1, 2)
}

// holderFrozen stops the holder until it is taken for dead. When it goes on, two
// fetch the same.
func (k *killTest) holderFrozen(t *testing.T) {
	t.Parallel()
	s := k.scene(t, 12_000_000, time.Second)
	a := s.start(t)
	s.halfway(t, a, 1)
	if err := a.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(filepath.Dir(s.dest), ".inith", "model.bin.lock"), long, long); err != nil {
		t.Fatal(err)
	}
	b := s.start(t)
	says(t, b, "shows no sign of life")
	s.halfway(t, b, 2)
	if err := a.cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.bothSucceed(t, a, b)
}

// lockRemoved removes the lock while its holder works, and starts another.
func (k *killTest) lockRemoved(t *testing.T) {
	t.Parallel()
	for _, size := range []int{900_000, 12_000_000} {
		s := k.scene(t, size, time.Second)
		a := s.start(t)
		s.halfway(t, a, 1)
		if err := os.Remove(filepath.Join(filepath.Dir(s.dest), ".inith", "model.bin.lock")); err != nil {
			t.Fatal(err)
		}
		b := s.start(t)
		s.bothSucceed(t, a, b)
	}
}

// stateRemoved removes all of the state while a run works.
func (k *killTest) stateRemoved(t *testing.T) {
	t.Parallel()
	for _, size := range []int{900_000, 12_000_000} {
		s := k.scene(t, size, time.Second)
		a := s.start(t)
		s.halfway(t, a, 1)
		if err := os.RemoveAll(filepath.Join(filepath.Dir(s.dest), ".inith")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(a.succeed(), verdict(s.dest, s.sum)); err != nil {
			t.Error(err)
		}
	}
}
