package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/hubserver"
)

// TestManyFiles fetches a directory of 3,000 files within the memory that the figures allow, with one request for each.
// A second run sends none for a commit, and one for a branch.
func TestManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches 3,000 files")
	}
	t.Parallel()
	const n, most = 3000, 32 << 10 // KiB
	r := hubserver.Repository{Name: "org/model", Commit: strings.Repeat("0123456789", 4), LFS: 10_000, Files: map[string][]byte{}}
	for i := range n {
		r.Files[fmt.Sprintf("layer-%02d/part-%04d.bin", i%50, i)] = randomBytes(2000+i*7, uint64(i))
	}
	hub := hubserver.Start(r, canary)
	defer hub.Close()
	bin, dir := buildInith(t), t.TempDir()
	for _, revision := range []string{"", "@" + r.Commit} {
		dest := filepath.Join(dir, "model"+revision)
		for run := range 2 {
			before := len(hub.Requests(""))
			cmd := exec.CommandContext(t.Context(), bin, "fetch", "hf://org/model"+revision, dest)
			cmd.Env = []string{"HF_ENDPOINT=" + hub.URL, "NO_PROXY=*"}
			start := time.Now()
			resident, err := residentUntilEnd(cmd)
			if err != nil {
				t.Fatal(err)
			}
			asked := len(hub.Requests("")) - before
			t.Logf("%q, run %d: %d requests, %d KiB resident, %v, of CPU %v", revision, run+1, asked, resident, time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			if resident > most || resident == 0 {
				t.Errorf("run %d: %d KiB were resident", run+1, resident)
			}
			want := 1
			if revision != "" {
				want = 0
			}
			if run == 1 && asked != want {
				t.Errorf("%q: %d requests in a second run, want %d", revision, asked, want)
			}
		}
	}
}

// residentUntilEnd runs a command, and returns how many KiB of memory it had at most, as far as that was seen.
func residentUntilEnd(cmd *exec.Cmd) (most int, err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return most, fmt.Errorf("%w: %s", err, &out)
			}
			return most, nil
		case <-ticker.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
			most = max(most, n)
		}
	}
}
