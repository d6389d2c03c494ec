// Package simserver simulates servers on loopback that are down, then starting,
// then ready, for tests and for the demonstration. What it knows of a protocol
// is just what a client sees who asks whether the server is ready. It is no
// substitute for the real ones, which the integration tests run.
package simserver

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// A Handler answers one connection, which is closed when it returns.
type Handler func(c net.Conn)

// A Server accepts connections and answers each with the handler of the moment.
type Server struct {
	listener net.Listener
	handler  atomic.Pointer[Handler]
	mu       sync.Mutex
	open     map[net.Conn]struct{}
	accepted atomic.Int64
	done     sync.WaitGroup
}

// Listen starts a server on an address such as 127.0.0.1:0, or the path of a
// unix socket.
func Listen(ctx context.Context, network, address string, h Handler) (*Server, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, open: map[net.Conn]struct{}{}}
	s.Become(h)
	s.done.Go(s.serve)
	return s, nil
}

// Become changes the handler for the connections to come.
func (s *Server) Become(h Handler) { s.handler.Store(&h) }

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Accepted returns how many connections the server has seen.
func (s *Server) Accepted() int { return int(s.accepted.Load()) }

// Close stops the server and closes its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.done.Wait()
}

func (s *Server) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.accepted.Add(1)
		s.done.Go(func() { s.answer(c) })
	}
}

func (s *Server) answer(c net.Conn) {
	defer func() { _ = c.Close() }()
	s.mu.Lock()
	if s.open == nil {
		s.mu.Unlock()
		return
	}
	s.open[c] = struct{}{}
	s.mu.Unlock()
	(*s.handler.Load())(c)
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
}

// Silent accepts and says nothing until the client goes away.
func Silent(c net.Conn) {
	b := make([]byte, 512)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// HangUp accepts and closes at once, as a proxy without a backend does.
func HangUp(net.Conn) {}

// Echo sends back what it receives, behind a prefix, as a server may that does
// not understand a client.
func Echo(prefix string) Handler {
	return func(c net.Conn) {
		b := make([]byte, 4<<10)
		n, err := c.Read(b)
		for err == nil {
			_, _ = c.Write(append([]byte(prefix), b[:n]...))
			n, err = c.Read(b)
		}
	}
}

// Say sends bytes whatever the client says, then is [Silent].
func Say(answer string) Handler {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(answer))
		Silent(c)
	}
}
