package audit_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/sidecar/audit"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	var got *http.Request
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"c1","model":"m-1","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5}}`)
	})
	r := start(t, app, func(o *audit.Options) {
		o.Record = audit.Recording{Level: audit.RequestResponse, UserHeader: "X-User"}
		o.Pod = audit.Pod{Name: "pod-1", Namespace: "ns"}
	})
	req, _ := http.NewRequest(http.MethodPost, "http://"+r.address+"/v1/chat/completions?api-version=1&key=s3cr3tvalue", strings.NewReader(`{"model":"m","api_key":"hunter2","messages":[]}`))
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer hunter2hunter2hunter2"}, "X-User": {"alice"}, "X-Forwarded-For": {"10.1.1.1"},
		"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "X-Forwarded-Proto": {"https"},
	}
	resp, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	x := only(t, r.exchanges(t))
	if got.Header.Get("X-Forwarded-For") != "10.1.1.1, 127.0.0.1" || got.Header.Get("X-Forwarded-Proto") != "https" || got.Header.Get("X-Request-Id") != x.ID ||
		got.Header.Get("Authorization") == "" || got.URL.RawQuery != "api-version=1&key=s3cr3tvalue" || got.Host != r.address || got.Header.Get("Traceparent") == "" {
		t.Errorf("the application got %+v", got)
	}
	if resp.StatusCode != http.StatusCreated || resp.Header.Get("X-Request-Id") != x.ID || !strings.Contains(string(body), `"hi"`) {
		t.Errorf("the client got %v %v %s", resp.Status, resp.Header, body)
	}
	sum := sha256.Sum256(body)
	if x.Outcome != "ok" || x.Status != 201 || x.Level != "request-response" || x.User != "alice" || x.Method != http.MethodPost || x.Query != "api-version=…&key=…" ||
		x.Protocol != "HTTP/1.1" || x.Client != "127.0.0.1" || x.TraceID != "0af7651916cd43dd8448eb211c80319c" || x.Pod["name"] != "pod-1" ||
		x.Response.SHA256 != hex.EncodeToString(sum[:]) || x.Response.Bytes != int64(len(body)) || x.Response.Incomplete || x.Request.Incomplete || x.Request.Bytes != 47 {
		t.Errorf("recorded %+v", x)
	}
	if want := `{"model":"m","api_key":"[REDACTED:field]","messages":[]}`; string(x.Request.Body) != want {
		t.Errorf("recorded %s, want %s", x.Request.Body, want)
	}
	if string(x.Response.Body) != string(body) || x.Redacted["field"] != 1 {
		t.Errorf("recorded %s, %v", x.Response.Body, x.Redacted)
	}
	if x.GenAI.Usage.InputTokens != 3 || x.GenAI.Usage.OutputTokens != 5 || x.GenAI.Request.Model != "m" || x.GenAI.Response.Model != "m-1" {
		t.Errorf("usage %+v", x.GenAI)
	}
}

// raw sends bytes and returns all that comes back, until the server closes or is silent after want.
func raw(t *testing.T, address, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

// TestTransparent sends the same bytes to the application and to the proxy, and compares every byte of the answers.
func TestTransparent(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 100)
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		h.Del("X-Forwarded-For")
		h.Del("X-Request-Id")
		body, _ := io.ReadAll(r.Body)
		h.Del("Connection")
		seen <- fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", r.Proto, " ", r.ContentLength, " ", r.TransferEncoding, " ", h, " ", string(body), " ", r.Trailer)
		w.Header()["Date"] = nil // the only header that would differ by time
		w.Header().Set("X-Request-Id", "fixed")
		answer(w, r)
	})
	p := start(t, app, nil)
	for _, request := range []string{
		"GET /plain HTTP/1.1\r\nHost: h.example:99\r\nX-A: 1\r\nx-a: 2\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n",
		"GET /plain?a=1;b=2&c=%zz HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nConnection: close\r\n\r\n",
		"GET //double//slash/./x%2fy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /raw<\"> HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /a%2Fb%20c? HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"HEAD /length HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /length HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /204 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /304 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /empty HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /noType HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /500 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /trailers HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close\r\n\r\n",
		"GET /early HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		"POST /plain HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"POST /plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n",
		"POST /plain HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		"DELETE /plain HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"PROPFIND /plain HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /plain HTTP/1.0\r\nHost: h\r\n\r\n",
		"GET /plain HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n" + "GET /plain HTTP/1.0\r\nHost: h\r\n\r\n",
	} {
		direct := raw(t, app, request)
		var wantSeen []string
		for len(seen) > 0 {
			wantSeen = append(wantSeen, <-seen)
		}
		proxied := raw(t, p.address, request)
		var gotSeen []string
		for len(seen) > 0 {
			gotSeen = append(gotSeen, <-seen)
		}
		if strings.Contains(request, "HTTP/1.0") {
			for i := range wantSeen {
				wantSeen[i] = strings.Replace(wantSeen[i], "HTTP/1.0", "HTTP/1.1", 1) // a proxy speaks its own version
			}
		}
		if diff := cmp.Diff(wantSeen, gotSeen); diff != "" {
			t.Errorf("%q: what the application saw (-direct +proxied):\n%s", request, diff)
		}
		if diff := cmp.Diff(normal(direct), normal(proxied)); diff != "" {
			t.Errorf("%q: what the client got (-direct +proxied):\n%s", request, diff)
		}
	}
	for _, x := range p.exchanges(t) {
		if x.Outcome != "ok" {
			t.Errorf("%s %s: %s, %s", x.Method, x.Path, x.Outcome, x.Error)
		}
	}
}

// answer answers as the path says.
func answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	switch r.URL.Path {
	case "/length":
		h.Set("Content-Length", "10")
		_, _ = io.WriteString(w, "0123456789")
	case "/204", "/304", "/500":
		code, _ := strconv.Atoi(r.URL.Path[1:])
		h.Set("Etag", `"x"`)
		w.WriteHeader(code)
	case "/empty":
	case "/noType":
		h["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	case "/trailers":
		h.Set("Trailer", "X-Announced")
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		h.Set("X-Announced", "1")
		h.Set(http.TrailerPrefix+"X-Not-Announced", "2")
	case "/early":
		h.Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
		_, _ = io.WriteString(w, "after")
	default:
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		_, _ = io.WriteString(w, "answer")
	}
}

// normal sorts the headers of an answer, and joins its chunks: neither is of meaning.
func normal(raw string) []string {
	r := bufio.NewReader(strings.NewReader(raw))
	var all []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return append(all, line)
		}
		h, err := textproto.NewReader(r).ReadMIMEHeader()
		if err != nil {
			return append(all, "broken: "+raw)
		}
		var body []byte
		var trailer textproto.MIMEHeader
		switch n, _ := strconv.Atoi(h.Get("Content-Length")); {
		case strings.Contains(line, " 10"):
		case h.Get("Transfer-Encoding") == "chunked":
			body, trailer = dechunk(r)
		case n > 0:
			body, _ = io.ReadAll(io.LimitReader(r, int64(n)))
		case h.Get("Content-Length") == "":
			body, _ = io.ReadAll(r)
		}
		all = append(all, strings.TrimSpace(line), fmt.Sprint(h), string(body), fmt.Sprint(trailer))
	}
}

func dechunk(r *bufio.Reader) (body []byte, trailer textproto.MIMEHeader) {
	for {
		line, err := r.ReadString('\n')
		n, parseErr := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
		if err != nil || parseErr != nil || n == 0 {
			trailer, _ = textproto.NewReader(r).ReadMIMEHeader()
			return body, trailer
		}
		var b bytes.Buffer
		_, _ = io.CopyN(&b, r, n+2)
		body = append(body, b.Bytes()[:max(0, b.Len()-2)]...)
	}
}

// TestEvents sends events one by one: each must arrive before the next one is sent.
func TestEvents(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	app := application(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "75") // with a length, ReverseProxy would hold the events back by default
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush() // the headers must arrive before the first event
		for event := range next {
			_, _ = io.WriteString(w, event)
			_ = http.NewResponseController(w).Flush()
		}
	})
	p := start(t, app, nil)
	resp, err := http.Get("http://" + p.address + "/v1/chat/completions")
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(resp.Body)
	for i := range 5 {
		next <- fmt.Sprintf("data: {\"n\":%d}\n\n", i)
		if line, err := body.ReadString('\n'); err != nil || line != fmt.Sprintf("data: {\"n\":%d}\n", i) {
			t.Fatalf("event %d: %q, %v", i, line, err)
		}
		_, _ = body.ReadString('\n')
	}
	close(next)
	_, _ = io.Copy(io.Discard, body)
	_ = resp.Body.Close()
	if x := only(t, p.exchanges(t)); x.Outcome != "ok" || x.Response.Bytes != 5*15 {
		t.Errorf("recorded %+v", x)
	}
}

// upgraded is an application that echoes what it gets after an upgrade, and ends when the client does.
func upgraded(w http.ResponseWriter, _ *http.Request) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	_ = rw.Flush()
	for {
		b, err := rw.ReadByte()
		if err != nil {
			return
		}
		_ = rw.WriteByte(b)
		_ = rw.Flush()
	}
}

// TestUpgrade also sends bytes along with the request, without waiting for the answer.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	p := start(t, application(t, upgraded), nil)
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
	r := bufio.NewReader(c)
	status, _ := r.ReadString('\n')
	if _, err := textproto.NewReader(r).ReadMIMEHeader(); err != nil || !strings.Contains(status, "101") {
		t.Fatalf("%s, %v", status, err)
	}
	for _, word := range []string{"early", "later"} {
		if word == "later" {
			_, _ = io.WriteString(c, word)
		}
		b := make([]byte, len(word))
		if _, err := io.ReadFull(r, b); err != nil || string(b) != word {
			t.Fatalf("%q, %v, want %s", b, err, word)
		}
	}
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.Fatal("not half closed")
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	x := only(t, p.exchanges(t))
	if x.Outcome != "ok" || x.Status != 101 || x.Upgrade != "echo" || x.Request.Bytes != 10 || x.Response.Bytes != 10 {
		t.Errorf("recorded %+v", x)
	}
}

// TestFullDuplex answers each line before the next one is sent, over both versions.
func TestFullDuplex(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		app := application(t, func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			_ = c.EnableFullDuplex()
			w.Header().Set("Trailer", "Grpc-Status")
			_ = c.Flush()
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				_, _ = fmt.Fprintln(w, "got", lines.Text())
				_ = c.Flush()
			}
			w.Header().Set("Grpc-Status", r.Trailer.Get("X-Last"))
		})
		p := start(t, app, nil)
		client := &http.Transport{Protocols: &http.Protocols{}}
		client.Protocols.SetHTTP1(!http2)
		client.Protocols.SetUnencryptedHTTP2(http2)
		t.Cleanup(client.CloseIdleConnections)
		in, out := io.Pipe()
		req, _ := http.NewRequest(http.MethodPost, "http://"+p.address+"/", in)
		req.Trailer = http.Header{"X-Last": nil}
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(resp.Body)
		for i := range 3 {
			_, _ = fmt.Fprintln(out, i)
			if line, err := lines.ReadString('\n'); line != fmt.Sprintf("got %d\n", i) {
				t.Fatalf("%q, %v", line, err)
			}
		}
		req.Trailer.Set("X-Last", "7")
		_ = out.Close()
		_, _ = io.Copy(io.Discard, lines)
		if resp.Trailer.Get("Grpc-Status") != "7" {
			t.Errorf("HTTP/2 %v: trailers %v", http2, resp.Trailer)
		}
		_ = resp.Body.Close()
		if x := only(t, p.exchanges(t)); x.Outcome != "ok" || x.Protocol != resp.Proto || x.Request.Incomplete {
			t.Errorf("HTTP/2 %v: recorded %+v", http2, x)
		}
	}
}

// TestKeepAlive sends many requests on one connection, with pauses longer than the proxy keeps its own.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	p := start(t, application(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }), nil)
	client := &http.Transport{}
	t.Cleanup(client.CloseIdleConnections)
	for i := range 20 {
		req, _ := http.NewRequest(http.MethodPost, "http://"+p.address+"/", strings.NewReader("y"))
		resp, err := client.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if i == 10 {
			time.Sleep(1500 * time.Millisecond)
		}
	}
	if n := len(p.exchanges(t)); n != 20 {
		t.Errorf("%d records", n)
	}
}

// TestHeadersAlone has answers that end with their headers: over HTTP/2, gRPC tells them from those whose body is empty.
func TestHeadersAlone(t *testing.T) {
	t.Parallel()
	app := application(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "0")
	})
	p := start(t, app, nil)
	client := &http.Transport{Protocols: &http.Protocols{}}
	client.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(client.CloseIdleConnections)
	bodyOf := func(address string) string { // net/http has a type of its own for no body
		req, _ := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader("x"))
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%T %s", resp.Body, resp.Header.Get("Grpc-Status"))
	}
	want := bodyOf(app)
	for range 100 {
		if got := bodyOf(p.address); got != want {
			t.Fatalf("the answer goes on after its headers: %s, want %s", got, want)
		}
	}
}
