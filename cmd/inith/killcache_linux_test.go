package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A cacheScene is a file that many processes fetch through one cache, each to a destination of its own.
type cacheScene struct {
	*slowOrigin
	bin, dir, sum string
}

func newCacheScene(t *testing.T, bin string, takes time.Duration) *cacheScene {
	t.Helper()
	b := randomBytes(64<<20, 18)
	s := &cacheScene{newSlowOrigin(b, takes), bin, t.TempDir(), fmt.Sprintf("%x", sha256.Sum256(b))}
	t.Cleanup(s.Close)
	return s
}

func (s *cacheScene) dest(n int) string { return filepath.Join(s.dir, strconv.Itoa(n), "model.bin") }

// args returns the arguments of a run, whose connections are few: each may lose a MiB when its process is killed.
func (s *cacheScene) args(n int, more ...string) []string {
	return append([]string{
		s.url(n), s.dest(n), "--sha256", s.sum, "--connections", "4", "--cache", filepath.Join(s.dir, "cache"),
	}, more...)
}

// sent returns how many bytes the origin has sent to runs 0 to n-1, and which one got most of them.
func (s *cacheScene) sent(n int) (total int64, most int) {
	best := int64(0)
	for i := range n {
		sent := s.of(i).sent
		if total += sent; sent > best {
			best, most = sent, i
		}
	}
	return total, most
}

func (s *cacheScene) wantRight(t *testing.T, n int) {
	t.Helper()
	if right, err := holds(s.dest(n), s.content); err != nil || !right {
		t.Errorf("the destination of run %d is right: %t, %v", n, right, err)
	}
}

// TestCacheKilled kills processes that share a cache.
func TestCacheKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes")
	}
	bin := buildInith(t)
	t.Run("nobody", func(t *testing.T) { cacheShared(t, bin, false) })
	t.Run("one that downloads", func(t *testing.T) { cacheShared(t, bin, true) })
	t.Run("one that copies", func(t *testing.T) { cacheCopyKilled(t, bin) })
}

// cacheShared has 20 processes start at the same time, and may kill the one that downloads when it has half of the file:
// another one continues, and all of them together ask for little more than the file has.
func cacheShared(t *testing.T, bin string, kill bool) {
	t.Helper()
	t.Parallel()
	const clients = 20
	s := newCacheScene(t, bin, 3*time.Second)
	runs, logs := make([]*exec.Cmd, clients), make([]bytes.Buffer, clients)
	for i := range runs {
		cmd := exec.CommandContext(t.Context(), s.bin, append([]string{"fetch"}, s.args(i)...)...)
		cmd.Env, cmd.Stderr = []string{"NO_PROXY=*"}, &logs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		runs[i] = cmd
	}
	killed := -1
	if kill {
		killed = s.killDownloader(t, runs)
	}
	for i, cmd := range runs {
		if err := cmd.Wait(); i != killed && err != nil {
			t.Errorf("run %d: %v: %s", i, err, &logs[i])
		} else if i != killed {
			s.wantRight(t, i)
		}
	}
	size := int64(len(s.content))
	total, most := s.sent(clients)
	if total < size || total > size*11/10 {
		t.Errorf("the origin sent %d bytes, and the file has %d", total, size)
	}
	if !kill {
		return
	}
	if _, err := os.Lstat(s.dest(killed)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the destination of the one that was killed: %v", err)
	}
	if most == killed && s.of(most).sent == total {
		t.Error("nobody continued")
	}
}

// killDownloader kills the process that downloads, when the origin has sent half of the file. It returns which one that was.
func (s *cacheScene) killDownloader(t *testing.T, runs []*exec.Cmd) int {
	t.Helper()
	for end := time.Now().Add(hangs); ; time.Sleep(time.Millisecond) {
		total, most := s.sent(len(runs))
		if total >= int64(len(s.content)/2) {
			if err := runs[most].Process.Kill(); err != nil {
				t.Fatal(err)
			}
			return most
		}
		if time.Now().After(end) {
			t.Fatal("no progress")
		}
	}
}

// cacheCopyKilled kills a process that copies a file from the cache: the destination is absent or whole, and the next
// run asks for nothing.
func cacheCopyKilled(t *testing.T, bin string) {
	t.Helper()
	t.Parallel()
	s := newCacheScene(t, bin, 500*time.Millisecond)
	fetchIt := func(n int) {
		t.Helper()
		r, err := startFetch(s.bin, s.args(n, "--mode", "0600")...)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.succeed(); err != nil {
			t.Error(err)
		}
		s.wantRight(t, n)
	}
	fetchIt(0)
	struck := 0
	for n := 1; struck < 3; n++ {
		if n == 100 {
			t.Fatal("no kill falls into a copy")
		}
		r, err := startFetch(s.bin, s.args(n, "--mode", "0600")...)
		if err != nil {
			t.Fatal(err)
		}
		if !r.read(time.Now().Add(hangs), `"phase":"copying from the cache"`) {
			t.Fatalf("it does not copy: %s", &r.lines)
		}
		time.Sleep(time.Duration(n%4) * time.Millisecond) // anywhere in the copy
		if _, err := os.Lstat(s.dest(n)); r.kill() && errors.Is(err, fs.ErrNotExist) {
			struck++
		}
		fetchIt(n)
		if sent := s.of(n).sent; sent > 0 {
			t.Errorf("run %d: the origin sent %d bytes", n, sent)
		}
		if parts, _ := filepath.Glob(filepath.Join(stateOf(s.dest(n)), "*.part")); len(parts) > 0 {
			t.Errorf("left: %q", parts)
		}
	}
}
