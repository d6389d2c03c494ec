package integration_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fewConfig is nginx with a limit, which refuses what is beyond it with a status.
const fewConfig = `
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	limit_conn_zone $server_port zone=connections:1m;
	limit_req_zone $server_port zone=requests:1m rate=2r/s;
	%s
}
`

// few are limits of nginx, which a single connection does not reach.
var few = map[string]string{
	"limit_conn 403":          "limit_conn connections 2; limit_conn_status 403; limit_rate 4m;",
	"limit_conn 503":          "limit_conn connections 2; limit_rate 4m;",
	"limit_conn 429":          "limit_conn connections 1; limit_conn_status 429; limit_rate 4m;",
	"limit_conn 444":          "limit_conn connections 1; limit_conn_status 444; limit_rate 4m;",
	"limit_req 503":           "limit_req zone=requests;",
	"limit_req 403":           "limit_req zone=requests; limit_req_status 403; limit_rate 4m;",
	"limit_req 429, a burst":  "limit_req zone=requests burst=3 nodelay; limit_req_status 429;",
	"no ranges, then a pause": "max_ranges 0; limit_rate_after 4m; limit_rate 1m; limit_conn connections 1;",
}

// TestFetchFromFewConnections fetches from nginx with limits that many connections, or many
// requests, run into. A client that sends eight requests at a time has some refused.
func TestFetchFromFewConnections(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t)
	sum := writeRandom(t, filepath.Join(dir, "model.bin"), 8<<20)
	addresses := map[string]string{}
	var servers strings.Builder
	for name, limit := range few {
		addresses[name] = freeAddr(t)
		fmt.Fprintf(&servers, "server { listen %s; root /files; %s }\n", addresses[name], limit)
	}
	startServer(t, "nginx", file("/etc/nginx/nginx.conf", fmt.Sprintf(fewConfig, &servers)), withDir(dir, "/files"))
	for name, address := range addresses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "http://" + address + "/model.bin"
			if refused := eightAtOnce(t, url); refused == 0 {
				t.Fatal("nothing is refused: this test cannot tell the difference")
			}
			time.Sleep(3 * time.Second) // nginx forgets these requests
			wantExit(t, 0, "fetch", url, filepath.Join(t.TempDir(), "model.bin"), "--sha256="+sum, "--timeout=2m", "--", "/bin/true")
		})
	}
}

// eightAtOnce returns how many of eight requests are refused, of which none ends before all are answered.
func eightAtOnce(t *testing.T, url string) int64 {
	t.Helper()
	poll(t, 5*time.Minute, func(ctx context.Context) error { // nginx has started
		resp, err := answerOf(ctx, url)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	var refused atomic.Int64
	var answered, all sync.WaitGroup
	answered.Add(8)
	for range 8 {
		all.Go(func() {
			resp, err := answerOf(t.Context(), url)
			if err != nil || resp.StatusCode/100 != 2 {
				refused.Add(1)
			}
			answered.Done()
			answered.Wait()
			if err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	all.Wait()
	return refused.Load()
}

// answerOf asks for a file over a connection of its own. It fails only without an answer.
func answerOf(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return client.Do(req)
}

// writeRandom writes a file and returns its SHA-256.
func writeRandom(t *testing.T, path string, size int64) string {
	t.Helper()
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
