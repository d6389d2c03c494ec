package audit

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/inith/inith/internal/usererr"
)

// moreConnections are served beyond the limit, with 503. Those beyond wait in the kernel.
const moreConnections = 64

// A listener counts connections.
type listener struct {
	*net.TCPListener

	slots chan struct{}
	limit int
}

func listen(ctx context.Context, address string, limit int) (*listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, usererr.Listen("address of the proxy", address, err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.New("not a TCP port")
	}
	return &listener{tcp, make(chan struct{}, limit+moreConnections), limit}, nil
}

// Accept returns the next connection, once there is a slot for it.
func (l *listener) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	tcp, err := l.AcceptTCP()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &conn{TCPConn: tcp, free: sync.OnceFunc(func() { <-l.slots }), over: len(l.slots) > l.limit}, nil
}

// A conn is a connection of a client. It notices requests that no handler gets to see: those that are malformed, and those
// whose headers do not arrive in time.
type conn struct {
	*net.TCPConn

	free func() // gives the slot back
	over bool   // there are too many

	mu      sync.Mutex
	begun   time.Time // of a request that no handler has seen yet; zero if there is none
	busy    bool      // a handler has the request
	http2   bool
	read    bool // something was
	readErr error
	status  int // of the answer that the server gave by itself
}

// Read also notices the beginning of a request, and the preface of HTTP/2.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && !c.read {
		c.read, c.http2 = true, bytes.HasPrefix(p[:n], []byte("PRI "))
	}
	if n > 0 && !c.busy && !c.http2 && c.begun.IsZero() {
		c.begun = time.Now()
	}
	c.readErr = err
	return n, err
}

// Write also notices the status of an answer to a request that no handler has seen.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if begin := []byte("HTTP/1.1 "); !c.begun.IsZero() && bytes.HasPrefix(p, begin) && len(p) > len(begin)+3 {
		c.status, _ = strconv.Atoi(string(p[len(begin) : len(begin)+3]))
	}
	c.mu.Unlock()
	return c.TCPConn.Write(p)
}

// Close also gives the slot back.
func (c *conn) Close() error {
	err := c.TCPConn.Close()
	c.free()
	return err
}

// handle notes that a handler has the request.
func (c *conn) handle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun, c.busy = time.Time{}, true
}

type connKey struct{}

// withConn and connOf carry the connection in the context of a request: net/http has no other way.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(ctx context.Context) *conn {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return &conn{}
	}
	return c
}

// connState records requests that no handler has seen, when their connection ends.
func (p *Proxy) connState(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	c.mu.Lock()
	begun, status, readErr := c.begun, c.status, c.readErr
	if state == http.StateIdle || state == http.StateHijacked {
		c.begun, c.busy, c.status = time.Time{}, state == http.StateHijacked, 0
	}
	c.mu.Unlock()
	if state == http.StateClosed && !begun.IsZero() {
		p.recordUnseen(c, begun, status, readErr)
	}
}

// recordUnseen records a request that no handler has seen.
func (p *Proxy) recordUnseen(c *conn, begun time.Time, status int, readErr error) {
	if p.o.Record.level("", "", nil, status) == None {
		return
	}
	r := p.newRecord(begun, newID(), c.RemoteAddr().String())
	late := errors.Is(readErr, os.ErrDeadlineExceeded)
	switch {
	case status != 0 && (readErr == nil || late): // after a connection that ended, nobody reads it
		r.outcome, r.failure, r.status = outcomeRefused, "malformed: "+http.StatusText(status), status
	case late:
		r.outcome, r.failure = outcomeTimeout, "the headers did not arrive in time"
	default:
		r.outcome, r.failure = outcomeClient, "the connection ended within the headers"
	}
	r.total = until(begun, time.Now())
	p.metrics.exchanges.WithLabelValues(string(r.outcome)).Inc()
	p.append(r, func(error) {})
}
