package fetch_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/release"
)

// A memoryGroup is a cgroup with a limit of memory.
type memoryGroup struct{ dir, limit, peak, events string }

// newMemoryGroup makes a cgroup of version 1 or 2, whichever has memory here.
func newMemoryGroup(t *testing.T, limit int) memoryGroup {
	t.Helper()
	g := memoryGroup{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"}
	if _, err := os.Stat(g.dir); err != nil {
		g = memoryGroup{"/sys/fs/cgroup", "memory.max", "memory.peak", "memory.events"}
		_ = os.WriteFile(g.dir+"/cgroup.subtree_control", []byte("+memory"), 0) // or it is there already
	}
	g.dir = filepath.Join(g.dir, "inith-test-"+rand.Text())
	if err := os.Mkdir(g.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 { // the process may not be gone yet
			if os.Remove(g.dir) == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	if err := os.WriteFile(filepath.Join(g.dir, g.limit), []byte(strconv.Itoa(limit)), 0); err != nil {
		t.Fatal(err)
	}
	return g
}

// number reads what follows a key in a file.
func number(path, key string) int {
	b, _ := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n
		}
	}
	return -1
}

// TestMemoryLimit fetches, with a process whose memory is limited, what is much
// larger than the limit: pages that wait for the disk count.
func TestMemoryLimit(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("cgroups are root's")
	}
	if testing.Short() {
		t.Skip("fetches 200 MiB")
	}
	bin := filepath.Join(t.TempDir(), "inith")
	if err := release.Build(t.Context(), bin); err != nil {
		t.Fatal(err)
	}
	const size = 200 << 20
	s := good(t, size, 0)
	cached := []string{"--sha256", pin(s.Want()).Hex, "--mode", "0644", "--cache", t.TempDir()} // copied: not a hard link
	for _, run := range []struct {
		name string
		args []string
	}{{"download", nil}, {"into a cache", cached}, {"from a cache", cached}} {
		t.Run(run.name, func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "model.bin")
			withinMemory(t, append([]string{bin, "fetch", s.URL(), dest}, run.args...))
			if stat, err := os.Stat(dest); err != nil || stat.Size() != size {
				t.Errorf("%v, %v", stat, err)
			}
		})
	}
}

// withinMemory runs a process whose memory is limited, and checks how much it takes.
func withinMemory(t *testing.T, args []string) {
	t.Helper()
	const limit = 64 << 20
	g := newMemoryGroup(t, limit)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", `echo 0 >"$0"/cgroup.procs && exec "$@"`, g.dir}, args...)...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{"NO_PROXY=*"}, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done, resident, anon := make(chan error), 0, 0
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for ended := false; !ended; {
		select {
		case err := <-done:
			if ended = true; err != nil {
				t.Errorf("%v: %s", err, &out)
			}
		case <-ticker.C:
			resident = max(resident, number("/proc/"+strconv.Itoa(cmd.Process.Pid)+"/status", "VmHWM:"))
			anon = max(anon, number("/proc/"+strconv.Itoa(cmd.Process.Pid)+"/status", "RssAnon:"))
		}
	}
	peak, kills := number(filepath.Join(g.dir, g.peak), ""), number(filepath.Join(g.dir, g.events), "oom_kill ")
	t.Logf("at most %d KiB resident, %d KiB of them our own, %d KiB of %d charged", resident, anon, peak/1024, limit/1024)
	if kills != 0 || peak > limit || peak < 1<<20 {
		t.Errorf("%d kills, %d bytes charged at most", kills, peak)
	}
	if resident > 32<<10 || resident <= 0 {
		t.Errorf("%d KiB were resident", resident)
	}
}
