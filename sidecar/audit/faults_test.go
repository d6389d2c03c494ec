package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/sidecar/audit"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	p := start(t, freePort(t), nil)
	if status, body := get(t, "http://"+p.address+"/x"); status != http.StatusBadGateway || !strings.Contains(body, "connection refused") {
		t.Errorf("got %d %s", status, body)
	}
	if x := only(t, p.exchanges(t)); x.Outcome != "upstream_error" || x.Status != 502 || !strings.Contains(x.Error, "connection refused") {
		t.Errorf("recorded %+v", x)
	}
}

// TestApplicationVanishes ends the connection at every stage of the answer. The request is sent once.
func TestApplicationVanishes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		status int
	}{
		"before the answer": {"", http.StatusBadGateway},
		"in the status":     {"HTTP/1.1 20", http.StatusBadGateway},
		"in the headers":    {"HTTP/1.1 200 OK\r\nContent-", http.StatusBadGateway},
		"no HTTP":           {"SSH-2.0-OpenSSH\r\n", http.StatusBadGateway},
		"in the body":       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", http.StatusOK},
		"in a chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			var mu sync.Mutex
			requests := 0
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						mu.Lock()
						requests++
						mu.Unlock()
					}
					_, _ = io.WriteString(c, tt.answer)
					_ = c.Close()
				}
			}()
			p := start(t, l.Addr().String(), nil)
			resp, err := http.Get("http://" + p.address + "/")
			if err != nil || resp.StatusCode != tt.status {
				t.Fatalf("%v, %v, want %d", resp, err, tt.status)
			}
			if _, err := io.ReadAll(resp.Body); (err != nil) != (tt.status == http.StatusOK) {
				t.Errorf("reading the body: %v: the client must see that it is cut", err)
			}
			_ = resp.Body.Close()
			if x := only(t, p.exchanges(t)); x.Outcome != "upstream_error" || x.Status != tt.status {
				t.Errorf("recorded %+v", x)
			}
			mu.Lock()
			defer mu.Unlock()
			if requests != 1 {
				t.Errorf("the application saw %d requests", requests)
			}
		})
	}
}

// TestNoRetry ends a connection that was used before, when the next request comes on it: net/http alone would send a GET
// again, and a POST that says that it may be repeated, though the application has seen it.
func TestNoRetry(t *testing.T) {
	t.Parallel()
	through := func(t *testing.T, upstream string) string { t.Helper(); return start(t, upstream, nil).address }
	for _, body := range []string{"", "question"} {
		naive, proxied := repeats(t, body, nil), repeats(t, body, through)
		if naive != 3 {
			t.Errorf("body %q: a client of net/http sent %d requests, not 3: the fault is not there", body, naive)
		}
		if proxied != 2 {
			t.Errorf("body %q: the application saw %d requests, want 2", body, proxied)
		}
	}
}

// repeats sends two requests, with a body or without, of which the application answers the first, and returns how many it saw.
func repeats(t *testing.T, body string, through func(t *testing.T, upstream string) string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	seen := 0
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for i := 0; ; i++ {
				request, err := http.ReadRequest(r)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, request.Body)
				mu.Lock()
				seen++
				first := seen == 1
				mu.Unlock()
				if !first {
					break
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			_ = c.Close()
		}
	}()
	address := l.Addr().String()
	if through != nil {
		address = through(t, address)
	}
	client := &http.Client{Transport: &http.Transport{}}
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), map[bool]string{true: "GET", false: "POST"}[body == ""], "http://"+address+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Idempotency-Key", "1")
		if resp, err := client.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return seen
}

// TestClientVanishes ends the connection of the client at every stage.
func TestClientVanishes(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 10)
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "begins")
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	p := start(t, app, func(o *audit.Options) { o.HeaderTimeout = 300 * time.Millisecond })
	for _, tt := range []struct {
		request string
		reaches bool
		reset   bool
	}{
		{"GET / HT", false, false},
		{"GET / HTTP/1.1\r\nHost: h\r\nX-A: ", false, true},
		{"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345", true, false},
		{"GET /download HTTP/1.1\r\nHost: h\r\n\r\n", true, false},
		{"GET /download HTTP/1.1\r\nHost: h\r\n\r\n", true, true},
	} {
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, tt.request)
		if tt.reaches {
			<-begun
		}
		if tcp, ok := c.(*net.TCPConn); ok && tt.reset {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	eventually(t, "five records", func() bool { return len(recordsOf(t, p.log, "exchange")) == 5 })
	for _, x := range p.exchanges(t) {
		if x.Outcome != "client_aborted" {
			t.Errorf("recorded %+v", x)
		}
	}
}

// TestUnseen sends what never reaches the application.
func TestUnseen(t *testing.T) {
	t.Parallel()
	app := application(t, func(http.ResponseWriter, *http.Request) { t.Error("the application got a request") })
	p := start(t, app, func(o *audit.Options) {
		o.HeaderTimeout = 300 * time.Millisecond
		o.Record.Rules = []audit.Rule{{Level: audit.None, Path: "/healthz"}}
	})
	for request, status := range map[string]string{
		"GARBAGE\r\n\r\n": "400", "GET / HTTP/1.1\r\n\r\n": "400", "GET / HTTP/9.9\r\nHost: h\r\n\r\n": "505",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n":         "400",
		"GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 80<<10): "431",
	} {
		if got := raw(t, p.address, request); !strings.HasPrefix(got, "HTTP/1.1 "+status) {
			t.Errorf("%.30q: got %.50q, want %s", request, got, status)
		}
	}
	raw(t, p.address, "GET /slow HTTP/1.1\r\nHost: ") // until the time for headers is over
	c, err := net.Dial("tcp", p.address)              // a probe of the kubelet
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	eventually(t, "six records", func() bool { return len(recordsOf(t, p.log, "exchange")) >= 6 })
	outcomes := map[string]int{}
	for _, x := range p.exchanges(t) {
		outcomes[x.Outcome]++
	}
	if outcomes["refused"] != 5 || outcomes["timeout"] != 1 {
		t.Errorf("got %v", outcomes)
	}
}

// TestRules records as the first rule says that matches.
func TestRules(t *testing.T) {
	t.Parallel()
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1/fails" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	p := start(t, app, func(o *audit.Options) {
		for _, s := range []string{"none method=GET path=/healthz", "request-response path=/v1/** status=5xx", "request path=/v1/*"} {
			r, err := audit.ParseRule(s)
			if err != nil {
				t.Fatal(err)
			}
			o.Record.Rules = append(o.Record.Rules, r)
		}
	})
	for _, path := range []string{"/healthz", "/v1/fails", "/v1/works", "/v1/a/b", "/other"} {
		resp, err := http.Post("http://"+p.address+path, "application/json", strings.NewReader(`{"b":2}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	get(t, "http://"+p.address+"/healthz")
	want := map[string]string{
		"/healthz": "metadata  ", "/v1/fails": `request-response {"b":2} {"a":1}`, "/v1/works": `request {"b":2} `, "/v1/a/b": "metadata  ", "/other": "metadata  ",
	}
	all := p.exchanges(t)
	for _, x := range all {
		if got := fmt.Sprint(x.Level, " ", string(x.Request.Body), " ", string(x.Response.Body)); got != want[x.Path] {
			t.Errorf("%s: got %s, want %s", x.Path, got, want[x.Path])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d records", len(all))
	}
}

// TestLogCannotBeWritten has a full disk under both policies.
func TestLogCannotBeWritten(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	var mu sync.Mutex
	seen := 0
	app := application(t, func(http.ResponseWriter, *http.Request) { mu.Lock(); defer mu.Unlock(); seen++ })
	for policy, want := range map[audit.Policy]int{audit.Open: http.StatusOK, audit.Closed: http.StatusServiceUnavailable} {
		p := start(t, app, func(o *audit.Options) { o.Log = audit.Log{Path: "/dev/full", Policy: policy} })
		if status, body := get(t, "http://"+p.address+"/"); status != want {
			t.Errorf("%s: %d %s", policy, status, body)
		}
		if err := p.proxy.Ready(); (err == nil) != (policy == audit.Open) {
			t.Errorf("%s: ready: %v", policy, err)
		}
		if err := p.stop(); err == nil || !strings.Contains(err.Error(), "could not be written") {
			t.Errorf("%s: ended with %v", policy, err)
		}
	}
	if seen != 1 {
		t.Errorf("the application saw %d requests, want that of the policy open alone", seen)
	}
}

// TestLogIsRemoved goes on in a new file, whose chain continues.
func TestLogIsRemoved(t *testing.T) {
	t.Parallel()
	p := start(t, application(t, func(http.ResponseWriter, *http.Request) {}), nil)
	get(t, "http://"+p.address+"/before")
	if err := os.Remove(p.log); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new file", func() bool { _, err := os.Stat(p.log); return err == nil })
	get(t, "http://"+p.address+"/after")
	if x := only(t, p.exchanges(t)); x.Path != "/after" || x.Seq != 4 {
		t.Errorf("recorded %+v", x)
	}
}

// TestStrict writes and syncs a line before the application sees the request.
func TestStrict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		for _, x := range recordsOf(t, path, "request") {
			if x.ID == r.Header.Get("X-Request-Id") {
				_, _ = io.WriteString(w, "recorded")
			}
		}
	})
	p := start(t, app, func(o *audit.Options) { o.Log = audit.Log{Path: path, Strict: true} })
	for range 5 {
		if _, body := get(t, "http://"+p.address+"/x"); body != "recorded" {
			t.Errorf("the application saw a request that is not in the log")
		}
	}
	if n, lines := len(p.exchanges(t)), len(recordsOf(t, path, "request")); n != 5 || lines != 5 {
		t.Errorf("%d exchanges, %d requests", n, lines)
	}
}

// TestTooManyConnections answers 503 beyond the limit, and serves again when there are fewer.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	begun, hold := make(chan struct{}, 2), make(chan struct{})
	app := application(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			begun <- struct{}{}
			<-hold
		}
	})
	p := start(t, app, func(o *audit.Options) { o.MaxConnections = 2 })
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { raw(t, p.address, "GET /hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") })
	}
	<-begun
	<-begun
	eventually(t, "503", func() bool {
		return strings.HasPrefix(raw(t, p.address, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "HTTP/1.1 503")
	})
	close(hold)
	wg.Wait()
	eventually(t, "200", func() bool {
		return strings.HasPrefix(raw(t, p.address, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200")
	})
}

// TestDrain completes what has begun, and cuts what does not end.
func TestDrain(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		select {
		case <-finish:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "b")
	})
	for _, cut := range []bool{false, true} {
		p := start(t, app, nil)
		got := make(chan string, 1)
		go func() {
			resp, err := http.Get("http://" + p.address + "/")
			if err != nil {
				got <- err.Error()
				return
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			got <- fmt.Sprint(string(b), " ", err)
		}()
		<-begun
		p.cancel()
		eventually(t, "not ready", func() bool { return p.proxy.Ready() != nil })
		if cut {
			p.proxy.Stop()
			if err := p.stop(); err == nil || !strings.Contains(err.Error(), "1 exchanges were cut") {
				t.Errorf("ended with %v", err)
			}
			if x := only(t, recordsOf(t, p.log, "exchange")); x.Outcome != "timeout" {
				t.Errorf("recorded %+v", x)
			}
			continue
		}
		finish <- struct{}{}
		if text := <-got; text != "ab <nil>" {
			t.Errorf("the client got %s", text)
		}
		only(t, p.exchanges(t))
	}
}

// TestLarge sends large bodies both ways at the level that keeps bodies: the memory stays bounded.
func TestLarge(t *testing.T) {
	t.Parallel()
	const size = 64 << 20 // a gibibyte is sent in integration/
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.CopyN(w, endless{}, n)
	})
	p := start(t, app, func(o *audit.Options) { o.Record.Level = audit.RequestResponse })
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/v1/chat/completions", io.LimitReader(endless{}, size))
	req.Header.Set("Content-Type", "application/json")
	ctx, stop := context.WithCancel(t.Context())
	peak := make(chan uint64, 1)
	go func() {
		var most uint64
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			time.Sleep(20 * time.Millisecond)
		}
		peak <- most
	}()
	resp, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	stop()
	if n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if most := <-peak; most > 100<<20 { // client, application and the other tests included
		t.Errorf("%d MiB of heap", most>>20)
	}
	x := only(t, p.exchanges(t))
	if x.Request.Bytes != size || x.Response.Bytes != size || x.Response.Truncated != "limit" || x.Request.SHA256 != x.Response.SHA256 {
		t.Errorf("recorded %+v", x)
	}
}

// endless is a string of JSON that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '"'
	}
	return len(p), nil
}

// TestCaptureMemory has more bodies than memory for them.
func TestCaptureMemory(t *testing.T) {
	t.Parallel()
	app := application(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	p := start(t, app, func(o *audit.Options) { o.Record.Level, o.CaptureMemory = audit.Request, 10<<10 })
	body := `{"a":"` + strings.Repeat("x", 50<<10) + `"}`
	for range 3 {
		resp, err := http.Post("http://"+p.address+"/", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	for _, x := range p.exchanges(t) {
		if x.Request.Truncated != "memory" || x.Request.Bytes != int64(len(body)) {
			t.Errorf("recorded %+v", x)
		}
	}
}

// TestOptions refuses what cannot be right.
func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := audit.New(audit.Options{}); err == nil {
		t.Error("no address and no log is right")
	}
	for _, s := range []string{"", "all path=/", "none", "none path", "none path=/a path=/b", "none status=9xx0", "none status=200-100", "none host=x"} {
		if r, err := audit.ParseRule(s); err == nil {
			t.Errorf("%q is %+v", s, r)
		}
	}
}

// TestEarlyAnswer answers before the request has been read. The client's next request on the connection is served.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string // "": nobody is there
		status int
	}{
		"nobody there":   {"", http.StatusBadGateway},
		"with a length":  {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly", http.StatusOK},
		"without length": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\n\r\n", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freePort(t)
			if tt.answer != "" {
				address = hasty(t, tt.answer)
			}
			p := start(t, address, nil)
			c, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			r := bufio.NewReader(c)
			for i := range 20 {
				_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234")
				resp, err := http.ReadResponse(r, nil)
				if err != nil || resp.StatusCode != tt.status {
					t.Fatalf("request %d: %v, %v", i, resp, err)
				}
				_, _ = io.WriteString(c, "56789")
				if b, err := io.ReadAll(resp.Body); err != nil || tt.status == http.StatusOK && string(b) != "early" {
					t.Fatalf("request %d: %q, %v", i, b, err)
				}
				_ = resp.Body.Close()
				time.Sleep(5 * time.Millisecond) // the server waits for the next request
			}
			_ = c.Close()
			if n := len(p.exchanges(t)); n != 20 {
				t.Errorf("%d exchanges recorded", n)
			}
		})
	}
}

// hasty is an application that answers as soon as it has read the headers of a request.
func hasty(t *testing.T, answer string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.WriteString(c, answer)
					_, _ = io.Copy(io.Discard, req.Body)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestSlowReader has a client that does not read. The application is held up, with the proxy as without it; then all
// arrives.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const size, most = 96 << 20, 64 << 20 // what kernels hold is far below
	var written atomic.Int64
	app := application(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 256<<10)
		for range size / len(piece) {
			n, err := w.Write(piece)
			if err != nil {
				return
			}
			written.Add(int64(n))
		}
	})
	p := start(t, app, func(o *audit.Options) { o.Record.Level = audit.RequestResponse })
	for _, address := range []string{app, p.address} {
		written.Store(0)
		resp, err := http.Get("http://" + address + "/")
		if err != nil {
			t.Fatal(err)
		}
		same := 0
		for last := int64(-1); same < 20; { // until nothing moves
			now := written.Load()
			if same++; now != last {
				same, last = 0, now
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := written.Load(); n > most {
			t.Errorf("%s took %d bytes that nobody reads", address, n)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size {
			t.Errorf("%s: %d bytes, %v", address, n, err)
		}
		_ = resp.Body.Close()
	}
	if x := only(t, p.exchanges(t)); x.Response.Bytes != size || x.Outcome != "ok" {
		t.Errorf("recorded %+v", x)
	}
}

// TestSlowWriter sends a request byte by byte: the application has each of them before the next one is sent.
func TestSlowWriter(t *testing.T) {
	t.Parallel()
	got := make(chan byte)
	app := application(t, func(_ http.ResponseWriter, r *http.Request) {
		for b := make([]byte, 1); ; {
			if n, err := r.Body.Read(b); n > 0 {
				got <- b[0]
			} else if err != nil {
				return
			}
		}
	})
	p := start(t, app, nil)
	for _, address := range []string{app, p.address} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		const text = "slow"
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(text))
		for _, want := range []byte(text) {
			_, _ = c.Write([]byte{want})
			if b := <-got; b != want {
				t.Errorf("%s: got %c, want %c", address, b, want)
			}
		}
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %v, %v", address, resp, err)
		}
		_ = c.Close()
	}
	if x := only(t, p.exchanges(t)); x.Request.Bytes != 4 || x.Request.Incomplete || x.Outcome != "ok" {
		t.Errorf("recorded %+v", x)
	}
}
