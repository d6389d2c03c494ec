package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A gate is a server whose moment of readiness is known exactly. Before it is
// opened, its port refuses connections, or answers as a starting server does.
// From then on, it forwards to a real server, or merely accepts.
type gate struct {
	addr    string
	backend string // "": hold the connection until the client closes it
	answer  func(net.Conn)

	socket   int // bound, not listening yet; -1 once it belongs to listener
	listener net.Listener
	ready    atomic.Bool

	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[net.Conn]struct{} // nil when the gate is closed
}

// newClosedGate returns a gate whose port refuses. The port is held by a socket
// that is bound but does not listen: nobody else can get it meanwhile, and
// listen(2) is the moment of readiness.
func newClosedGate(backend string) (*gate, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, errors.Join(fmt.Errorf("bind: %w", err), syscall.Close(fd))
	}
	name, err := syscall.Getsockname(fd)
	in, ok := name.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		return nil, errors.Join(errors.New("no name of the socket"), err, syscall.Close(fd))
	}
	addr := fmt.Sprintf("127.0.0.1:%d", in.Port)
	return &gate{addr: addr, backend: backend, socket: fd, open: map[net.Conn]struct{}{}}, nil
}

// newStartingGate returns a gate that accepts, and answers until it is opened.
func newStartingGate(ctx context.Context, backend string, answer func(net.Conn)) (*gate, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{addr: l.Addr().String(), backend: backend, answer: answer, socket: -1, listener: l, open: map[net.Conn]struct{}{}}
	g.wg.Go(func() { g.serve(ctx) })
	return g, nil
}

// openNow makes the gate ready and returns the moment just before it was.
func (g *gate) openNow(ctx context.Context) (time.Time, error) {
	if g.socket < 0 {
		at := time.Now()
		g.ready.Store(true)
		return at, nil
	}
	g.ready.Store(true)
	at := time.Now()
	if err := syscall.Listen(g.socket, syscall.SOMAXCONN); err != nil {
		return at, fmt.Errorf("listen: %w", err)
	}
	f := os.NewFile(uintptr(g.socket), "gate")
	g.socket = -1
	l, err := net.FileListener(f) // a copy of f
	if err := errors.Join(err, f.Close()); err != nil {
		return at, err
	}
	g.listener = l
	g.wg.Go(func() { g.serve(ctx) })
	return at, nil
}

func (g *gate) serve(ctx context.Context) {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		if g.adopt(c) {
			g.wg.Go(func() { g.handle(ctx, c) })
		}
	}
}

// adopt takes a connection into the gate, or closes it if that is closed.
func (g *gate) adopt(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		_ = c.Close()
		return false
	}
	g.open[c] = struct{}{}
	return true
}

func (g *gate) drop(c net.Conn) {
	g.mu.Lock()
	delete(g.open, c)
	g.mu.Unlock()
	_ = c.Close()
}

func (g *gate) handle(ctx context.Context, c net.Conn) {
	defer g.drop(c)
	switch {
	case !g.ready.Load():
		g.answer(c)
	case g.backend == "":
		_, _ = io.Copy(io.Discard, c)
	default:
		g.forward(ctx, c)
	}
}

// forward connects a client with the real server, passing on half-closes.
func (g *gate) forward(ctx context.Context, client net.Conn) {
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", g.backend)
	if err != nil || !g.adopt(server) {
		return
	}
	defer g.drop(server)
	var wg sync.WaitGroup
	wg.Go(func() { pass(server, client) })
	pass(client, server)
	wg.Wait()
}

func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// close ends the gate and what goes through it.
func (g *gate) close() {
	if g.socket >= 0 {
		_ = syscall.Close(g.socket)
	}
	if g.listener != nil {
		_ = g.listener.Close()
	}
	g.mu.Lock()
	open := g.open
	g.open = nil
	g.mu.Unlock()
	for c := range open {
		_ = c.Close()
	}
	g.wg.Wait()
}
