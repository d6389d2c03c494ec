package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/hubserver"
)

// TestHubKilled kills a download from the hub, lets its link expire, and runs it again.
func TestHubKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	t.Parallel()
	b := make([]byte, 8<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	hub := hubserver.Start(hubserver.Repository{
		Name: "org/model", Commit: strings.Repeat("0123456789", 4), LFS: 1, Files: map[string][]byte{"model.bin": b},
	}, canary)
	defer hub.Close()
	bin, dest := buildInith(t), filepath.Join(t.TempDir(), "model.bin")
	command := func(options ...string) *exec.Cmd {
		cmd := exec.Command(bin, append([]string{"fetch", "hf://org/model/model.bin", dest, "--json"}, options...)...)
		cmd.Env = []string{"HF_ENDPOINT=" + hub.URL, "NO_PROXY=*"}
		return cmd
	}
	first := command("--connections=1", "--limit-rate=2MiB")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	pieces := func() int {
		journals, _ := filepath.Glob(filepath.Join(stateOf(dest), "*.journal"))
		if len(journals) == 0 {
			return 0
		}
		journal, _ := os.ReadFile(journals[0])
		return strings.Count(string(journal), "\n")
	}
	const atLeast = 3 // lines: of what the file is, and of pieces
	for deadline := time.Now().Add(time.Minute); pieces() < atLeast && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	hub.Expire()
	out, err := command().Output()
	var result jsonResult
	if err != nil || json.Unmarshal(out, &result) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if right, err := holds(dest, b); !right || err != nil || result.Resumed == 0 || result.Fetched >= int64(len(b)) || result.Evidence != "server" {
		t.Errorf("%v, %v: %+v", right, err, result)
	}
	if err := onlyReceipt(dest); err != nil {
		t.Error(err)
	}
}
