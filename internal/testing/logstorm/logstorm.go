// Package logstorm writes numbered lines as fast as it can while their file is rotated in every way, the receiver comes
// and goes and `inith sidecar logs` is killed, and counts what arrives.
package logstorm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Receiver counts lines.
type Receiver interface {
	Start() error // at the same address each time
	Stop()
	Address() string
	// Received returns all lines, and how many connections were accepted, since the first start.
	Received() (lines []string, connections int)
}

// Options are those of a storm.
type Options struct {
	Inith    string // the binary
	Receiver Receiver
	Lines    int // at least
	Kills    int // of inith, at least; 0: it lives
	Flags    []string
}

// patience bounds a hang.
const patience = 3 * time.Minute

// A storm is one run.
type storm struct {
	Options
	t    *testing.T
	dir  string
	path string // of the file that is written to

	written int // lines

	mu     sync.Mutex
	cmd    *exec.Cmd
	stderr *started
	kills  int
}

// A started process has opened its files when it has said so.
type started struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *started) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *started) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// wait waits until a file is followed: before that, a signal ends the process at once.
func (s *started) wait(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.String(), "msg=following"); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not start: %s", s)
		}
	}
}

// Run fails the test if a line is missing, or if more lines arrive twice than can have been in flight.
func Run(t *testing.T, o Options) {
	t.Helper()
	dir := t.TempDir()
	s := &storm{Options: o, t: t, dir: dir, path: filepath.Join(dir, "app.log")}
	if err := s.Receiver.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.start(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.disturb(ctx) })
	s.write()
	cancel()
	wg.Wait()
	s.end()
	s.Receiver.Stop()
	s.check()
}

// start starts inith.
func (s *storm) start(ctx context.Context) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	args := []string{
		"sidecar", "logs", "--path", s.dir + "/*.log", "--tag", "storm", "--forward", s.Receiver.Address(), "--ops-listen", "none",
		"--flush", "1ms", "--rotate-wait", "200ms", "--drain-timeout", "none",
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.Inith, append(args, s.Flags...)...) //nolint:gosec // our own
	s.stderr = &started{}
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Error(err)
	}
}

// kill kills inith.
func (s *storm) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.kills++
}

func (s *storm) killed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kills
}

// end drains inith.
func (s *storm) end() {
	s.t.Helper()
	s.stderr.wait(s.t)
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	hung := time.AfterFunc(patience, func() { _ = s.cmd.Process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the drain: %v: %s", err, s.stderr.String())
	}
}

// disturb stops the receiver and kills inith at random moments.
func (s *storm) disturb(ctx context.Context) {
	for ctx.Err() == nil {
		s.pause(ctx, 100)
		switch {
		case rand.IntN(2) == 0:
			s.Receiver.Stop()
			s.pause(ctx, 50)
			if s.Kills > 0 && rand.IntN(2) == 0 {
				s.kill()
				s.start(ctx)
			}
			s.bringBack()
		case s.Kills > 0:
			s.kill()
			s.pause(ctx, 50)
			s.start(ctx)
		}
	}
}

// bringBack starts the receiver again. Meanwhile a connection of somebody else may have the port.
func (s *storm) bringBack() {
	for deadline := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		err := s.Receiver.Start()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Error(err)
			return
		}
	}
}

func (*storm) pause(ctx context.Context, ms int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(1+rand.IntN(ms)) * time.Millisecond):
	}
}

// lineLength is that of each line, with its newline.
const lineLength = 100

// write writes all lines, and rotates after every few hundred.
func (s *storm) write() {
	f := s.create()
	defer func() { _ = f.Close() }()
	ways := []func(*os.File, int) *os.File{s.rename, s.renameTwice, s.copyTruncate, s.relink}
	if s.Kills == 0 { // what is deleted while nobody has it open is lost
		ways = append(ways, s.remove)
	}
	const batch = 250
	for n := 0; n < s.Lines || s.killed() < s.Kills; n += batch {
		s.written = n + batch
		var b strings.Builder
		for i := n; i < n+batch; i++ {
			fmt.Fprintf(&b, "%-*d\n", lineLength-1, i)
		}
		if _, err := f.WriteString(b.String()); err != nil {
			s.t.Error(err)
		}
		if s.known(f) {
			f = ways[n/batch%len(ways)](f, n)
		}
	}
}

// known reports whether inith has found the file as it is now. What was both created and rotated away before that may be
// lost, as the documentation says.
func (s *storm) known(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	state, err := os.ReadFile(filepath.Join(s.dir, ".inith", "logs.state"))
	if !ok || err != nil {
		return false
	}
	known := false
	for line := range bytes.Lines(state) {
		var e struct {
			Ino   uint64
			Start int    `json:"start_bytes"`
			Sum   string `json:"start_sum"`
			Gone  bool
		}
		if json.Unmarshal(line, &e) != nil || e.Ino != st.Ino {
			continue
		}
		known = !e.Gone && e.Start > 0 && e.Sum == s.sum(f, e.Start)
	}
	return known
}

func (*storm) sum(f *os.File, n int) string {
	b := make([]byte, n)
	r, err := os.Open(f.Name())
	if err != nil {
		return ""
	}
	defer func() { _ = r.Close() }()
	if _, err := r.ReadAt(b, 0); err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func (s *storm) create() *os.File {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *storm) must(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// rename is what logrotate does with create.
func (s *storm) rename(f *os.File, n int) *os.File {
	s.must(os.Rename(s.path, fmt.Sprintf("%s.%d", s.path, n)))
	s.must(f.Close())
	return s.create()
}

// renameTwice renames back to back, and writes to the old file once more.
func (s *storm) renameTwice(f *os.File, n int) *os.File {
	first := fmt.Sprintf("%s.%d", s.path, n)
	s.must(os.Rename(s.path, first))
	next := s.create()
	s.must(os.Rename(first, first+".again"))
	s.must(f.Close())
	return next
}

// copyTruncate is what logrotate does with copytruncate.
func (s *storm) copyTruncate(f *os.File, n int) *os.File {
	b, err := os.ReadFile(s.path)
	s.must(err)
	s.must(os.WriteFile(fmt.Sprintf("%s.%d", s.path, n), b, 0o600)) //nolint:gosec // a directory of the test
	s.must(os.Truncate(s.path, 0))
	return f
}

// relink makes the path a symbolic link to a new file.
func (s *storm) relink(f *os.File, n int) *os.File {
	target := filepath.Join(s.dir, fmt.Sprintf("target.%d", n))
	next, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	s.must(err)
	s.must(os.Rename(s.path, fmt.Sprintf("%s.%d", s.path, n)))
	s.must(os.Symlink(filepath.Base(target), s.path))
	s.must(f.Close())
	return next
}

// remove deletes the file and makes another.
func (s *storm) remove(f *os.File, _ int) *os.File {
	s.must(os.Remove(s.path))
	s.must(f.Close())
	return s.create()
}

// check compares what has arrived with what was written.
func (s *storm) check() {
	s.t.Helper()
	times := make([]int, s.written)
	lines, connections := s.Receiver.Received()
	for _, line := range lines {
		n, err := strconv.Atoi(strings.TrimRight(line, " "))
		if err != nil || n < 0 || n >= s.written || len(line) != lineLength-1 {
			s.t.Fatalf("a line that nobody wrote: %.200q", line)
		}
		times[n]++
	}
	missing, duplicates := 0, 0
	for n, count := range times {
		if count == 0 {
			if missing++; missing <= 5 {
				s.t.Errorf("line %d is missing", n)
			}
		}
		duplicates += max(0, count-1)
	}
	if missing > 0 {
		s.t.Errorf("%d of %d lines are missing: %s", missing, s.written, tailOf(s.stderr.String()))
	}
	s.t.Logf("%d lines, %d duplicates, %d kills, %d connections", s.written, duplicates, s.kills, connections)
	// What a connection has delivered comes again only if the connection broke or inith was killed before the
	// acknowledgement. The last connection does neither.
	if duplicates > (connections-1)*inFlight {
		s.t.Errorf("%d duplicates on %d connections", duplicates, connections)
	}
}

// inFlight is how many lines can wait for their acknowledgement: two chunks of 1 MiB, and one that was begun below that.
const inFlight = 3 << 20 / lineLength

func tailOf(s string) string { return s[max(0, len(s)-4000):] }
