package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/audit"
)

// TestKilledAudit kills `inith sidecar audit` under load, again and again: the log always verifies, and in strict mode it
// has every request that the application saw.
func TestKilledAudit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	bin := buildInith(t)
	for name, flags := range map[string][]string{"strict": {"--strict"}, "default": {"--rotate-size", "40KiB"}} {
		t.Run(name, func(t *testing.T) {
			a := &killedAudit{bin: bin, log: filepath.Join(t.TempDir(), "requests.jsonl"), flags: flags}
			app := httptest.NewServer(http.HandlerFunc(a.see))
			defer app.Close()
			a.upstream = strings.TrimPrefix(app.URL, "http://")
			for round := range 8 {
				a.round(t, round)
				a.verify(t)
			}
			if len(a.seen) < 20 {
				t.Errorf("the application saw only %d requests", len(a.seen))
			}
			if name == "strict" {
				a.nothingMissing(t)
			}
		})
	}
}

// A killedAudit is one log, which several processes write one after another.
type killedAudit struct {
	bin, upstream, log string
	flags              []string

	mu   sync.Mutex
	seen []string // ids of the requests that the application saw
}

// see is the application.
func (a *killedAudit) see(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Header.Get("X-Request-Id"))
	a.mu.Unlock()
	_, _ = io.WriteString(w, strings.Repeat("answer ", 100))
}

// round starts the proxy, sends requests, and kills it in between.
func (a *killedAudit) round(t *testing.T, round int) {
	t.Helper()
	args := append([]string{"sidecar", "audit", "--listen", "127.0.0.1:0", "--upstream", a.upstream, "--log", a.log, "--ops-listen", "none", "--min-free", "1B"}, a.flags...)
	cmd := exec.CommandContext(t.Context(), a.bin, args...)
	stderr := &awaited{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stderr.expect(listening()):
	case <-time.After(patience):
		t.Fatalf("it does not listen: %s", stderr)
	}
	address := listening().FindStringSubmatch(stderr.String())[1]
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() { a.load(ctx, address, fmt.Sprint(round, "-", worker)) })
	}
	<-time.After(time.Duration(50+rand.IntN(300)) * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	cancel()
	wg.Wait()
}

// load sends requests until the proxy is gone.
func (*killedAudit) load(ctx context.Context, address, name string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return
		}
		req.Header.Set("X-Request-Id", fmt.Sprint(name, "-", i))
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func (a *killedAudit) files(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(strings.TrimSuffix(a.log, ".jsonl") + "*.jsonl*")
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	return all
}

func (a *killedAudit) verify(t *testing.T) {
	t.Helper()
	if r, err := audit.Verify(a.files(t), nil); err != nil || r.First != 1 || r.Records != r.Last {
		t.Fatalf("%+v, %v", r, err)
	}
}

// nothingMissing looks for every request that the application saw.
func (a *killedAudit) nothingMissing(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(a.log)
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]bool{}
	for line := range bytes.Lines(b) {
		var r struct{ Event, ID string }
		if json.Unmarshal(line, &r) == nil && r.Event == "request" {
			recorded[r.ID] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.seen {
		if !recorded[id] {
			t.Errorf("the application saw the request %s, which is not in the log", id)
		}
	}
}

func listening() *regexp.Regexp { return regexp.MustCompile(`msg=listening address=(\S+)`) }
