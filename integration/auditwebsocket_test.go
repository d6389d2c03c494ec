package integration_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/inith/inith/sidecar/audit"
)

// TestAuditWebSocket talks WebSocket directly and through the audit proxy, with a library on both ends.
func TestAuditWebSocket(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	p := startAudit(t, audit.Options{Upstream: l.Addr().String()})
	for _, address := range []string{l.Addr().String(), p.address} {
		converse(t, address, websocket.CompressionDisabled)
		converse(t, address, websocket.CompressionContextTakeover)
	}
	if r := p.end(t); r.Records != 4 { // start, two exchanges, stop
		t.Errorf("%+v", r)
	}
	hasAll(t, readFile(t, p.log), `"upgrade":"websocket"`, `"status":101`, `"outcome":"ok"`)
}

const maxMessage = 4 << 20

// echo returns each message, until one says bye.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(maxMessage)
	for {
		kind, from, err := c.Reader(r.Context())
		if err != nil {
			return
		}
		b, err := io.ReadAll(from)
		if err != nil || c.Write(r.Context(), kind, b) != nil {
			return
		}
		if string(b) == "bye" {
			_ = c.Close(websocket.StatusCode(4321), "see you")
			return
		}
	}
}

// converse sends messages of all kinds and sizes, also in several frames.
func converse(t *testing.T, address string, compression websocket.CompressionMode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, res, err := websocket.Dial(ctx, "ws://"+address+"/chat", &websocket.DialOptions{Subprotocols: []string{"chat"}, CompressionMode: compression})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	if res.StatusCode != http.StatusSwitchingProtocols || c.Subprotocol() != "chat" {
		t.Errorf("%s: status %d, protocol %q", address, res.StatusCode, c.Subprotocol())
	}
	c.SetReadLimit(maxMessage)
	for _, message := range []string{"", "hello", strings.Repeat("0123456789abcdef", 128<<10), "bye"} {
		for _, kind := range []websocket.MessageType{websocket.MessageBinary, websocket.MessageText} {
			if message == "bye" && kind == websocket.MessageBinary {
				continue
			}
			w, err := c.Writer(ctx, kind)
			if err != nil {
				t.Fatal(err)
			}
			for part := range 3 { // frames
				from, to := part*len(message)/3, (part+1)*len(message)/3
				if _, err := io.WriteString(w, message[from:to]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got, b, err := c.Read(ctx); err != nil || got != kind || string(b) != message {
				t.Fatalf("%s: %d bytes as %v came back as %d bytes as %v, %v", address, len(message), kind, len(b), got, err)
			}
		}
	}
	_, _, err = c.Read(ctx)
	if e, ok := errors.AsType[websocket.CloseError](err); !ok || e.Code != 4321 || e.Reason != "see you" {
		t.Errorf("%s: the end is %v", address, err)
	}
}
